//! Agreements and peers.

use comity_ledger::Note;
use comity_rules::card::Card;
use comity_rules::{PartyId, Terms};

use crate::{Db, Error, Tx};

/// Terms that are known here.
#[derive(Debug, Clone)]
pub struct Known {
    /// The terms.
    pub terms: Terms,
    /// Whether this party signed them.
    pub signed: bool,
}

/// Every agreement here.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db) -> Result<Vec<Known>, Error> {
    let rows = db.query("SELECT text, signed FROM agreement ORDER BY terms", &[]).await?;
    rows.iter()
        .map(|row| {
            let terms = Terms::parse(row.text(0)?).map_err(Error::damaged)?;
            Ok(Known { terms, signed: row.int(1)? != 0 })
        })
        .collect()
}

/// Keeps terms.
///
/// # Errors
/// [`Error`].
pub async fn save(db: &Db, terms: &Terms, signed: bool) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO agreement (terms, text, signed) VALUES ($1, $2, $3)
        ON CONFLICT (terms) DO UPDATE SET signed = excluded.signed";
    let mut tx = db.begin().await?;
    tx.execute(SQL, &[terms.hash().to_hex().into(), terms.text().into(), signed.into()]).await?;
    tx.commit().await
}

/// The cards of the peers: each as its party signed it.
///
/// # Errors
/// [`Error`].
pub async fn peers(db: &Db) -> Result<Vec<Card>, Error> {
    let rows = db.query("SELECT card FROM peer ORDER BY party", &[]).await?;
    rows.iter().map(|row| Ok(Card::parse(&Note::parse(row.text(0)?.as_bytes())?)?)).collect()
}

/// Keeps a peer's card, in place of an earlier one.
///
/// # Errors
/// [`Error`].
pub async fn save_peer(db: &Db, party: &PartyId, card: &str) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    put_peer(&mut tx, party, card).await?;
    tx.commit().await
}

/// Goes on with a card that its party stated in a ledger, where it follows the one that is known here;
/// whether it does.
pub(crate) async fn adopt(tx: &mut Tx, card: &Card, note: &str) -> Result<bool, Error> {
    let rows = tx.query("SELECT card FROM peer", &[]).await?;
    let cards: Vec<Card> = rows
        .iter()
        .map(|row| Ok(Card::parse(&Note::parse(row.text(0)?.as_bytes())?)?))
        .collect::<Result<_, Error>>()?;
    let follows = cards.iter().any(|known| card.follows(known));
    // By its certificate a party is known: one that names another's would be taken for it.
    let taken = cards.iter().any(|known| known.party != card.party && known.tls == card.tls);
    if !follows || taken {
        return Ok(false);
    }
    put_peer(tx, &card.party, note).await?;
    Ok(true)
}

async fn put_peer(tx: &mut Tx, party: &PartyId, card: &str) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO peer (party, card) VALUES ($1, $2)
        ON CONFLICT (party) DO UPDATE SET card = excluded.card";
    tx.execute(SQL, &[party.as_str().into(), card.into()]).await?;
    Ok(())
}
