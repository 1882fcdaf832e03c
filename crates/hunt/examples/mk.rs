fn main() {
    let a: Vec<String> = std::env::args().collect();
    let bytes = std::fs::read(&a[1]).unwrap();
    let t = std::time::Instant::now();
    let mut b = comity_hunt::index::Builder::new(Default::default());
    comity_hunt::lists::read(&bytes, Default::default(), &mut |one| b.add(one)).unwrap();
    eprintln!("read {:?}", t.elapsed());
    b.write(a[2].as_ref()).unwrap();
    eprintln!("all {:?}", t.elapsed());
}
