//! Numbers and money as people read them.

/// 1234567 as `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Millionths of a dollar. Rounded to the cent; below a cent, to four decimal places.
pub fn money(micros: u64) -> String {
    match micros {
        0 => "$0".into(),
        1..100 => "below $0.0001".into(),
        100..10_000 => format!("$0.{:04}", (micros + 50) / 100),
        _ => {
            let cents = (micros + 5_000) / 10_000;
            format!("${}.{:02}", number(cents / 100), cents % 100)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_234), "1,234");
        assert_eq!(number(1_234_567), "1,234,567");
    }

    #[test]
    fn money_is_told_to_the_cent_and_below_one_as_far_as_it_takes() {
        for (micros, told) in [
            (0, "$0"),
            (99, "below $0.0001"),
            (100, "$0.0001"),
            (9_949, "$0.0099"),
            (9_999, "$0.0100"),
            (10_000, "$0.01"),
            (1_994_999, "$1.99"),
            (1_995_000, "$2.00"),
            (1_234_560_000, "$1,234.56"),
        ] {
            assert_eq!(money(micros), told);
        }
    }
}
