fn main() {
    let mut a = std::env::args().skip(1);
    let index = comity_hunt::index::Index::open(a.next().unwrap().as_ref()).unwrap();
    let threads = a.next().unwrap().parse().unwrap();
    let sources: Vec<_> = a.map(|f| comity_hunt::input::Source::File(f.into())).collect();
    let indexes = [index];
    let options = comity_hunt::hunt::Options { threads, ..Default::default() };
    let hunt = comity_hunt::hunt::Hunt::new(&indexes, &sources, options, &|_| ()).unwrap();
    let mut n = 0;
    let s = hunt.run(&mut |_: &comity_hunt::hunt::Sighting| { n += 1; Ok(()) }).unwrap();
    println!("{n} {s:?}");
}
