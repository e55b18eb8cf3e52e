//! Money: whole minor units of one currency, and sums that never mix currencies.
//!
//! No amount ever passes through a floating-point number: it enters as decimal text, is kept as an integer and leaves
//! as decimal text with exactly the digits its currency has.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The active currencies of ISO 4217 by the number of digits behind their decimal point, funds codes included.
///
/// Codes to which ISO 4217 gives no minor unit (metals such as `XAU`, the `XXX` and `XTS` of nothing and tests) are
/// refused: an amount in them has no whole number of smallest units. So are codes that have been withdrawn.
const CODES: [(u8, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW \
         CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
         IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK \
         MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
         SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG \
         YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// A currency, known by its alphabetic code in ISO 4217.
///
/// Only active codes in upper case that have a minor unit: precious metals (`XAU`) and withdrawn currencies are
/// refused. Sorts by code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

/// A text that is no code of an active currency with a minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the upper-case ISO 4217 code of an active currency, such as USD or EUR")]
pub struct CurrencyError;

impl Currency {
    /// The alphabetic code, such as `USD`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// How many digits stand behind the decimal point: 2 for `USD`, 0 for `JPY`.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let of_exponent = |(exponent, codes): &(u8, &'static str)| {
            let code = codes.split_ascii_whitespace().find(|code| *code == text)?;
            Some(Self { code, exponent: *exponent })
        };
        CODES.iter().find_map(of_exponent).ok_or(CurrencyError)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The largest amount of money, in minor units: ten million million dollars are no price of a seat but a mistake, and
/// no number of seats makes their sum overflow.
const MAX_MINOR: i64 = 1_000_000_000_000_000;

/// An amount of money that is not negative: whole minor units (cents) of one currency.
///
/// In JSON `{"amount": "45.00", "currency": "USD"}`; the amount is text, because a JSON number may be read as a
/// floating-point one on the way.
///
/// # Examples
/// ```
/// use seatgate_core::money::{Currency, Money};
///
/// let dollar: Currency = "USD".parse()?;
/// let price = Money::parse("45.5", dollar)?;
/// assert_eq!(price.minor(), 4550);
/// assert_eq!(price.to_string(), "45.50 USD");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// A text or number that is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// Something else than digits with at most one decimal point between them.
    #[error("expected a decimal amount such as 45.00, of digits and at most one point")]
    Malformed,
    /// An amount below zero.
    #[error("an amount cannot be negative")]
    Negative,
    /// More digits behind the point than the currency has.
    #[error("{currency} has {} digits behind the point, not more", .currency.exponent())]
    TooPrecise {
        /// The currency whose minor unit is larger than the amount needs.
        currency: Currency,
    },
    /// Larger than any price: surely a mistake.
    #[error("the amount is too large: at most 1,000,000,000,000,000 of the currency's smallest unit")]
    TooLarge,
}

impl Money {
    /// So many minor units of `currency`.
    ///
    /// # Errors
    /// When the amount is negative or beyond any price.
    pub fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        match minor {
            ..0 => Err(MoneyError::Negative),
            0..=MAX_MINOR => Ok(Self { minor, currency }),
            _ => Err(MoneyError::TooLarge),
        }
    }

    /// Reads a decimal amount such as `45.00`, `45.5` or `45`.
    ///
    /// # Errors
    /// When the text is anything else (a sign, an exponent, a thousands separator, blanks), has more digits behind
    /// the point than the currency, or is beyond any price.
    pub fn parse(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        if amount.starts_with('-') {
            return Err(MoneyError::Negative);
        }
        let (whole, fraction) = match amount.split_once('.') {
            Some((_, "")) => return Err(MoneyError::Malformed),
            Some(parts) => parts,
            None => (amount, ""),
        };
        let all_digits = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(MoneyError::Malformed);
        }
        let places = usize::from(currency.exponent);
        if fraction.len() > places {
            return Err(MoneyError::TooPrecise { currency });
        }
        // The fraction is padded with zeros to the currency's places, so the digits together count minor units.
        let minor = format!("{whole}{fraction:0<places$}").parse().map_err(|_| MoneyError::TooLarge)?;
        Self::new(minor, currency)
    }

    /// The amount in the currency's smallest unit: never negative.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount as decimal text with all the digits its currency has, such as `45.00`.
    #[must_use]
    pub fn amount(self) -> String {
        decimal(self.minor.into(), self.currency)
    }
}

/// Minor units that are not negative as decimal text.
fn decimal(minor: i128, currency: Currency) -> String {
    let unit = 10_i128.pow(currency.exponent.into());
    match usize::from(currency.exponent) {
        0 => minor.to_string(),
        places => format!("{}.{:0places$}", minor / unit, minor % unit),
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

/// The JSON of an amount.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Money")]
struct Written {
    amount: String,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { amount: self.amount(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        Self::parse(&written.amount, written.currency).map_err(serde::de::Error::custom)
    }
}

/// Sums of money, one a currency, which are never mixed or converted.
///
/// Prints as `3.00 EUR + 45.00 USD`, in the order of the codes, and as `0` when there is nothing in it. In JSON a list
/// of amounts as [`Money`] writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<Currency, i128>);

impl Totals {
    /// Adds an amount to the sum of its currency.
    pub fn add(&mut self, money: Money) {
        self.add_sum(money.currency, money.minor.into());
    }

    /// Adds a sum in minor units.
    pub fn add_sum(&mut self, currency: Currency, minor: i128) {
        let sum = self.0.entry(currency).or_default();
        *sum = sum.saturating_add(minor);
    }

    /// The sums of all of these.
    #[must_use]
    pub fn sum<'a>(totals: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for (currency, minor) in totals.into_iter().flat_map(Self::iter) {
            sum.add_sum(currency, minor);
        }
        sum
    }

    /// The sums as decimal texts, such as `45.00`, in the order of the currencies' codes.
    pub fn amounts(&self) -> impl Iterator<Item = (String, Currency)> {
        self.iter().map(|(currency, minor)| (decimal(minor, currency), currency))
    }

    /// The sums in minor units, in the order of the currencies' codes.
    pub fn iter(&self) -> impl Iterator<Item = (Currency, i128)> {
        self.0.iter().map(|(currency, minor)| (*currency, *minor))
    }

    /// Whether nothing was added; an added zero is something.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Money> for Totals {
    fn from_iter<I: IntoIterator<Item = Money>>(amounts: I) -> Self {
        let mut totals = Self::default();
        amounts.into_iter().for_each(|money| totals.add(money));
        totals
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("0");
        }
        for (index, (currency, minor)) in self.iter().enumerate() {
            let joint = if index == 0 { "" } else { " + " };
            write!(f, "{joint}{} {currency}", decimal(minor, currency))?;
        }
        Ok(())
    }
}

impl Serialize for Totals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.amounts().map(|(amount, currency)| Written { amount, currency }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso_currency::IntoEnumIterator;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn parse(amount: &str, code: &str) -> Result<Money, MoneyError> {
        Money::parse(amount, currency(code))
    }

    fn codes() -> impl Iterator<Item = &'static str> {
        CODES.iter().flat_map(|(_, codes)| codes.split_ascii_whitespace())
    }

    #[test]
    fn every_active_currency_is_known_with_its_exponent() {
        for iso in iso_currency::Currency::iter() {
            // The peer's data call VES replaced by VED; in ISO 4217 both are active.
            let withdrawn = iso.is_superseded().is_some() && iso.code() != "VES";
            let expected = iso.exponent().filter(|_| !withdrawn);
            let known = iso.code().parse::<Currency>().ok().map(|known| u16::from(known.exponent()));
            assert_eq!(known, expected, "{}", iso.code());
        }
    }

    #[test]
    fn no_currency_is_invented_or_listed_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for code in codes() {
            assert!(iso_currency::Currency::from_code(code).is_some(), "{code}");
            assert!(seen.insert(code), "{code}");
        }
    }

    #[test]
    fn other_texts_are_no_currency() {
        for text in ["", " ", "usd", "Usd", "US", "USDX", " USD", "XAU", "XXX", "XTS", "HRK", "USD EUR", "\u{0}", "ÄÖ"]
        {
            assert_eq!(text.parse::<Currency>(), Err(CurrencyError), "{text:?}");
        }
    }

    #[test]
    fn amounts_print_with_all_their_digits() {
        let cases = [("45", "USD", "45.00 USD"), ("45.5", "USD", "45.50 USD"), ("0.07", "EUR", "0.07 EUR")];
        let others = [("45", "JPY", "45 JPY"), ("1.005", "KWD", "1.005 KWD"), ("0", "UYW", "0.0000 UYW")];
        for (amount, code, printed) in cases.into_iter().chain(others) {
            assert_eq!(parse(amount, code).map(|m| m.to_string()).as_deref(), Ok(printed));
        }
        assert_eq!(parse("007.10", "USD").map(Money::minor), Ok(710));
    }

    #[test]
    fn other_texts_are_no_amount() {
        for text in
            ["", ".", "45.", ".5", "+45", "4e2", "1,000", "1_000", " 45", "45 ", "4 5", "1.2.3", "0x1f", "٤٥", "NaN"]
        {
            assert_eq!(parse(text, "USD"), Err(MoneyError::Malformed), "{text:?}");
        }
        assert_eq!(parse("-45.00", "USD"), Err(MoneyError::Negative));
        let currency = currency("JPY");
        assert_eq!(parse("45.0", "JPY"), Err(MoneyError::TooPrecise { currency }));
        assert_eq!(parse("45.000", "USD").unwrap_err().to_string(), "USD has 2 digits behind the point, not more");
    }

    #[test]
    fn amounts_are_bounded() {
        assert_eq!(parse("10000000000000.00", "USD").map(Money::minor), Ok(MAX_MINOR));
        for text in ["10000000000000.01", "92233720368547758.08", "99999999999999999999999999999999999999999"] {
            assert_eq!(parse(text, "USD"), Err(MoneyError::TooLarge), "{text}");
        }
        assert_eq!(Money::new(-1, currency("USD")), Err(MoneyError::Negative));
        assert_eq!(Money::new(i64::MAX, currency("USD")), Err(MoneyError::TooLarge));
    }

    #[test]
    fn json_carries_the_amount_as_text() {
        let money = parse("45", "USD").unwrap();
        let json = r#"{"amount":"45.00","currency":"USD"}"#;
        assert_eq!(serde_json::to_string(&money).unwrap(), json);
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), money);
        for other in [
            r#"{"amount":45.00,"currency":"USD"}"#,
            r#"{"amount":"45.00","currency":"usd"}"#,
            r#"{"amount":"-1","currency":"USD"}"#,
            r#"{"amount":"45.00"}"#,
        ] {
            assert!(serde_json::from_str::<Money>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn totals_never_mix_currencies() {
        let amounts = [("40", "USD"), ("3", "EUR"), ("5", "USD"), ("7", "JPY")];
        let totals: Totals = amounts.iter().map(|(amount, code)| parse(amount, code).unwrap()).collect();
        assert_eq!(totals.to_string(), "3.00 EUR + 7 JPY + 45.00 USD");
        assert_eq!(totals.iter().count(), 3);
        let json = r#"[{"amount":"3.00","currency":"EUR"},{"amount":"7","currency":"JPY"},{"amount":"45.00","currency":"USD"}]"#;
        assert_eq!(serde_json::to_string(&totals).unwrap(), json);
    }

    #[test]
    fn empty_totals_say_so() {
        let mut totals = Totals::default();
        assert!(totals.is_empty());
        assert_eq!(totals.to_string(), "0");
        totals.add(parse("0", "USD").unwrap());
        assert!(!totals.is_empty());
        assert_eq!(totals.to_string(), "0.00 USD");
    }

    proptest! {
        #[test]
        fn amounts_round_trip(minor in 0..=MAX_MINOR, code in prop::sample::select(codes().collect::<Vec<_>>())) {
            let money = Money::new(minor, currency(code)).unwrap();
            prop_assert_eq!(Money::parse(&money.amount(), money.currency()), Ok(money));
            let json = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), number in "[0-9.]{0,40}") {
            for amount in [text, number] {
                if let Ok(money) = parse(&amount, "KWD") {
                    prop_assert!((0..=MAX_MINOR).contains(&money.minor()));
                }
            }
        }

        #[test]
        fn totals_are_sums(amounts in prop::collection::vec(0..=MAX_MINOR, 1..20)) {
            let totals: Totals = amounts.iter().map(|minor| Money::new(*minor, currency("USD")).unwrap()).collect();
            let sum = amounts.iter().map(|minor| i128::from(*minor)).sum::<i128>();
            prop_assert_eq!(totals.iter().collect::<Vec<_>>(), vec![(currency("USD"), sum)]);
        }
    }
}
