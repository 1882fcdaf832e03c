//! From the intrusion to who gained by it: a chain is as strong as the product of its links.

use num_rational::BigRational;
use num_traits::One as _;

use crate::case::{Case, LINKS};
use crate::posterior::{Options, Rows, Witness};

/// A chain, for one party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Of each of the six links, what the party believes of its claim, given the links before; none where the link is not there, or has no evidence that tells its
    /// hypotheses apart: such a link is not shown, and never inherits its prior.
    pub conditional: Vec<Option<BigRational>>,
    /// Of each of the six, whether the file has it.
    pub present: Vec<bool>,
}

impl Chain {
    /// The chain of a party through these links.
    #[must_use]
    pub fn of(links: &[(String, Case)], party: &str) -> Self {
        let conditional = LINKS.iter().map(|name| {
            let (_, case) = links.iter().find(|(known, _)| known == name)?;
            let options = Options::default();
            let rows = Rows::of(case, party, &options);
            let diagnostic = rows.witnesses(&options).iter().any(Witness::tells_apart);
            let posterior = rows.one_witness(&options);
            let claimed = || case.claim.iter().map(|hypothesis| posterior.share(*hypothesis)).sum();
            diagnostic.then(claimed)
        });
        let present = LINKS.iter().map(|name| links.iter().any(|(known, _)| known == name));
        Self { conditional: conditional.collect(), present: present.collect() }
    }

    /// Why a link that is not shown by itself is not.
    #[must_use]
    pub fn why_not(&self, link: usize) -> &'static str {
        if self.present[link] {
            "not shown: no evidence tells its hypotheses apart"
        } else {
            "not shown: the file does not have it"
        }
    }

    /// The products of the first link, the first two, and so on, up to the first that is not there.
    #[must_use]
    pub fn prefixes(&self) -> Vec<BigRational> {
        let mut product = BigRational::one();
        let mut prefixes = Vec::new();
        for link in self.conditional.iter().map_while(Option::as_ref) {
            product *= link;
            prefixes.push(product.clone());
        }
        prefixes
    }

    /// How many links are shown, one after the other: each at least *likely*, 0.55.
    #[must_use]
    pub fn shown(&self) -> usize {
        let likely = BigRational::new(11.into(), 20.into());
        self.conditional
            .iter()
            .take_while(|link| link.as_ref().is_some_and(|l| *l >= likely))
            .count()
    }

    /// The first link that is not shown.
    #[must_use]
    pub fn first_unshown(&self) -> Option<&'static str> {
        LINKS.get(self.shown()).copied()
    }
}
