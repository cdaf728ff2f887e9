//! Amounts of money: in minor units of a currency, exactly, and as clients write them.

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money {
    /// In minor units of the currency, such as cents.
    pub minor: i64,
    /// By its three letters (ISO 4217).
    pub currency: String,
}

/// Digits before the point that are taken.
const MOST_DIGITS: usize = 15;

/// Currencies by the digits behind the point (ISO 4217, list one of 2026, without metals, funds and test codes).
const CURRENCIES: [(u32, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP \
         CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS \
         INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN \
         MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE \
         SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR \
         ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

const LETTERS: usize = 26;
/// What stands in the table for three letters that are no currency.
const UNKNOWN: u32 = u32::MAX;
/// The exponents by the three letters of their codes: each amount that is shown needs one.
static EXPONENTS: [u32; LETTERS.pow(3)] = exponents();

#[expect(clippy::indexing_slicing, reason = "it is made by the compiler, which says where an index is wrong")]
const fn exponents() -> [u32; LETTERS.pow(3)] {
    let mut table = [UNKNOWN; LETTERS.pow(3)];
    let mut row = 0;
    while row < CURRENCIES.len() {
        let (exponent, mut codes) = (CURRENCIES[row].0, CURRENCIES[row].1.as_bytes());
        while let Some((code, rest)) = codes.split_first_chunk::<3>() {
            table[place(code)] = exponent;
            codes = match rest {
                [_, rest @ ..] => rest,
                [] => rest,
            };
        }
        row += 1;
    }
    table
}

/// Where a code of three capitals is in the table; anything else is somewhere else, or behind it.
const fn place(&[first, second, third]: &[u8; 3]) -> usize {
    const fn of(letter: u8) -> usize {
        if letter.is_ascii_uppercase() { (letter - b'A') as usize } else { LETTERS.pow(3) }
    }
    (of(first) * LETTERS + of(second)) * LETTERS + of(third)
}

/// The digits behind the point of a currency; `None` for what is none.
pub fn exponent(currency: &str) -> Option<u32> {
    let code: &[u8; 3] = currency.as_bytes().try_into().ok()?;
    EXPONENTS.get(place(code)).copied().filter(|exponent| *exponent != UNKNOWN)
}

impl Money {
    /// An amount as clients write it, in a currency that is one: `12.30`, with no more digits behind the point than
    /// the currency has.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(amount: &str, currency: &str) -> Result<Self, String> {
        let exponent = exponent(currency).ok_or_else(|| format!("`{}` is no currency", short(currency)))?;
        let minor = minor_of(amount, exponent)?;
        Ok(Self { minor, currency: currency.to_owned() })
    }

    /// The amount as clients read it, with all digits behind the point.
    pub fn amount(&self) -> String {
        // A currency that left the list since keeps the digits most have.
        let unit = 10_u64.pow(exponent(&self.currency).unwrap_or(2));
        let (whole, mut rest) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        let mut text = String::with_capacity(24);
        if self.minor < 0 {
            text.push('-');
        }
        text.push_str(itoa::Buffer::new().format(whole));
        let mut place = unit / 10;
        if place > 0 {
            text.push('.');
        }
        while place > 0 {
            text.extend(char::from_digit((rest / place) as u32, 10));
            (rest, place) = (rest % place, place / 10);
        }
        text
    }
}

fn short(text: &str) -> String {
    text.chars().take(16).collect()
}

fn minor_of(amount: &str, exponent: u32) -> Result<i64, String> {
    let (sign, digits) = amount.strip_prefix('-').map_or((1, amount), |rest| (-1, rest));
    let (whole, rest) = match digits.split_once('.') {
        None => (digits, ""),
        Some((_, "")) => return Err(no_amount()),
        Some(parts) => parts,
    };
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(rest) {
        return Err(no_amount());
    }
    if whole.len() > MOST_DIGITS {
        return Err(format!("has more than {MOST_DIGITS} digits before the point"));
    }
    let width = exponent as usize;
    if rest.len() > width {
        return Err(match exponent {
            0 => "has digits behind the point, and the currency has none".to_owned(),
            _ => format!("has more than the {exponent} digits behind the point that the currency has"),
        });
    }
    let minor: i64 = format!("{whole}{rest:0<width$}").parse().map_err(|_| "is too large".to_owned())?;
    Ok(minor * sign)
}

fn no_amount() -> String {
    "must be an amount such as 12.30".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_in_every_currency() {
        for (amount, currency, minor, shown) in [
            ("12.30", "EUR", 1230, "12.30"),
            ("12.3", "EUR", 1230, "12.30"),
            ("0", "EUR", 0, "0.00"),
            ("-0.05", "EUR", -5, "-0.05"),
            ("-12.30", "EUR", -1230, "-12.30"),
            ("500", "JPY", 500, "500"),
            ("1.234", "KWD", 1234, "1.234"),
            ("999999999999999.99", "USD", 99_999_999_999_999_999, "999999999999999.99"),
            ("0.0001", "CLF", 1, "0.0001"),
        ] {
            let money = Money::parse(amount, currency).unwrap();
            assert_eq!((money.minor, money.amount().as_str()), (minor, shown), "{amount} {currency}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for (amount, currency) in [
            ("", "EUR"),
            (".", "EUR"),
            (".5", "EUR"),
            ("5.", "EUR"),
            ("1e3", "EUR"),
            ("+1", "EUR"),
            ("--1", "EUR"),
            ("1,50", "EUR"),
            ("1.505", "EUR"),
            ("1.5", "JPY"),
            ("1000000000000000", "EUR"),
            ("999999999999999.9999", "CLF"),
            ("1", "eur"),
            ("1", "XYZ"),
            ("1", "EUR USD"),
            ("1", ""),
            ("1", "E R"),
            ("1", "ZZ["),
            ("1", "\u{20ac}"),
        ] {
            assert!(Money::parse(amount, currency).is_err(), "{amount} {currency}");
        }
    }

    #[test]
    fn no_currency_is_listed_twice() {
        let mut all: Vec<_> = CURRENCIES.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        assert!(all.iter().all(|code| exponent(code).is_some()));
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
