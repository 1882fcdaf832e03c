//! Exact fractions, and how they are printed.

use num_bigint::{BigInt, BigUint};
use num_rational::BigRational;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};

/// A fraction written `num/den`, or an integer.
pub(crate) fn parse(text: &str) -> Option<BigRational> {
    let (num, den) = text.split_once('/').unwrap_or((text, "1"));
    let digits = |part: &str| {
        let plain =
            !part.is_empty() && part.len() <= 40 && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<BigInt>().ok()).flatten()
    };
    let (num, den) = (digits(num.trim())?, digits(den.trim())?);
    (!den.is_zero()).then(|| BigRational::new(num, den))
}

/// The product of these, not in lowest terms: bringing it there after each factor would cost more than all
/// the rest.
#[must_use]
pub(crate) fn product<'a>(ratios: impl IntoIterator<Item = &'a BigRational>) -> BigRational {
    let (mut num, mut den) = (BigInt::one(), BigInt::one());
    for ratio in ratios {
        num *= ratio.numer();
        den *= ratio.denom();
    }
    BigRational::new_raw(num, den)
}

/// `num/den` in lowest terms; an integer with `/1`.
#[must_use]
pub(crate) fn exact(ratio: &BigRational) -> String {
    let lowest = ratio.reduced();
    format!("{}/{}", lowest.numer(), lowest.denom())
}

/// Rounded to this many decimals, half away from zero, from the fraction itself.
#[must_use]
pub(crate) fn decimal(ratio: &BigRational, places: u32) -> f64 {
    let scale = BigInt::from(10_u32).pow(places);
    let twice = BigInt::from(2_u32) * ratio.denom();
    // In integers: a fraction's own arithmetic would bring it to lowest terms at every step.
    let rounded = (ratio.numer().abs() * &scale * 2_u32 + ratio.denom()) / twice;
    let value = rounded.to_f64().unwrap_or(f64::NAN) / scale.to_f64().unwrap_or(f64::NAN);
    if ratio.is_negative() { -value } else { value }
}

/// In percent, with two decimals; what is not quite nothing or everything is not printed as that.
#[must_use]
pub(crate) fn percent(ratio: &BigRational) -> String {
    let percent = decimal(ratio, 4) * 100.0;
    match () {
        () if percent == 0.0 && !ratio.is_zero() => "<0.01 %".to_owned(),
        () if percent == 100.0 && !ratio.numer().eq(ratio.denom()) => ">99.99 %".to_owned(),
        () => format!("{percent:.2} %"),
    }
}

/// Ten times the decimal logarithm of a ratio of likelihoods: its weight in decibans.
#[must_use]
pub(crate) fn decibans(ratio: &BigRational) -> f64 {
    let value = ratio.to_f64().filter(|value| value.is_finite() && *value > 0.0);
    value.map_or_else(
        || 10.0 * (log10(ratio.numer().magnitude()) - log10(ratio.denom().magnitude())),
        |v| 10.0 * v.log10(),
    )
}

/// Rounded for print.
#[must_use]
pub(crate) fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    let rounded = (value * scale).round() / scale;
    // No minus before a nought.
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// The decimal logarithm of an integer of any size.
pub(crate) fn log10(number: &BigUint) -> f64 {
    let shift = number.bits().saturating_sub(60);
    let lead = (number >> shift).to_f64().unwrap_or(1.0);
    // Shifts stay below 2^53: a number of so many bits has no room anywhere.
    #[expect(clippy::cast_precision_loss, reason = "see above")]
    let shift = shift as f64;
    lead.log10() + shift * std::f64::consts::LOG10_2
}
