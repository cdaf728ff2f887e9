//! A whole number with a unit behind it, as in `250ms` or `32kb`.

/// The number and how much one of its unit is worth; `None` when the text has another form or is too large.
pub(super) fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let worth = units.iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<u64>().ok()?.checked_mul(worth)
}

/// The amount in the largest unit that holds it without a rest. `units` go from large to small.
pub(super) fn print(amount: u64, units: &[(&str, u64)]) -> String {
    let fits = |worth: u64| amount.checked_rem(worth) == Some(0) && (amount > 0 || worth == 1);
    let (unit, worth) = units.iter().find(|(_, worth)| fits(*worth)).copied().unwrap_or(("", 1));
    format!("{}{unit}", amount.checked_div(worth).unwrap_or_default())
}
