//! The text of several statements in one, each of which counts its values from `$1`.

/// What was found in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    /// The largest `n` of its `$n`.
    pub values: usize,
    /// Whether it changes rows, rather than finding some.
    pub changes: bool,
}

/// What is in a statement that is to run by itself.
///
/// # Errors
/// As of [`add`].
pub(super) fn scan(sql: &str) -> Result<Scanned, &'static str> {
    add(&mut String::new(), sql, 0)
}

/// Adds a statement to the text, its `$n` moved up by `shift`.
///
/// # Errors
/// What cannot be one of several: a second statement, another kind of parameter, a quote or comment without an end.
pub(super) fn add(text: &mut String, sql: &str, shift: usize) -> Result<Scanned, &'static str> {
    let bytes = sql.as_bytes();
    let (mut at, mut copied, mut depth) = (0, 0, 0_usize);
    let (mut values, mut changes) = (0, None);
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            // A doubled quote inside reads as the end of one text and the beginning of the next.
            b'\'' | b'"' | b'`' => enclosed(rest, 1, &[byte])?,
            b'[' => enclosed(rest, 1, b"]")?,
            b'/' if rest.starts_with(b"/*") => enclosed(rest, 2, b"*/")?,
            b'-' if rest.starts_with(b"--") => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            b'$' => {
                let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = sql[at + 1..at + 1 + digits].parse::<usize>().ok().filter(|number| 0 < *number);
                let number = number.ok_or("a parameter that is not $1 and so on")?;
                values = values.max(number);
                text.push_str(&sql[copied..=at]);
                text.push_str(&(number + shift).to_string());
                copied = at + 1 + digits;
                1 + digits
            }
            b'?' | b':' | b'@' => return Err("a parameter that is not $1 and so on"),
            b';' => return Err("more than one statement"),
            b'(' | b')' => {
                depth = if byte == b'(' { depth + 1 } else { depth.saturating_sub(1) };
                1
            }
            _ if is_word(byte) => {
                let word = rest.iter().take_while(|byte| is_word(**byte)).count();
                if depth == 0 && changes.is_none() {
                    changes = verb(&rest[..word]);
                }
                word
            }
            _ => 1,
        };
    }
    text.push_str(&sql[copied..]);
    // Not on its last line, which may be a comment.
    text.push_str("\n;");
    Ok(Scanned { values, changes: changes.unwrap_or(false) })
}

/// How long this is, which `opening` bytes begin and `end` ends.
fn enclosed(rest: &[u8], opening: usize, end: &[u8]) -> Result<usize, &'static str> {
    let inside = rest[opening..].windows(end.len()).position(|window| window == end);
    inside.map(|inside| opening + inside + end.len()).ok_or("a quote or a comment without an end")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Whether the statement changes something, where this is the word that says so.
fn verb(word: &[u8]) -> Option<bool> {
    let is = |words: &[&[u8]]| words.iter().any(|other| other.eq_ignore_ascii_case(word));
    if is(&[b"insert", b"update", b"delete", b"replace"]) {
        return Some(true);
    }
    is(&[b"select", b"values", b"pragma"]).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(sql: &str) -> (String, Result<Scanned, &'static str>) {
        let mut text = String::new();
        let scanned = add(&mut text, sql, 10);
        (text, scanned)
    }

    #[test]
    fn parameters_are_moved_and_nothing_in_quotes_or_comments_is() {
        let table = [
            ("select $1, $2", "select $11, $12", 2),
            ("select $2, $12 + $2", "select $12, $22 + $12", 12),
            ("select '$1', \"$2\", `$3`, [$4]", "select '$1', \"$2\", `$3`, [$4]", 0),
            ("select 'it''s $1', $1", "select 'it''s $1', $11", 1),
            ("select $1 -- not $2; nor 'this", "select $11 -- not $2; nor 'this", 1),
            ("select /* $2 ' ; */ $1", "select /* $2 ' ; */ $11", 1),
            ("select 4 - $1 / $2", "select 4 - $11 / $12", 2),
            ("select 'ü$1é', $1, 'ß'", "select 'ü$1é', $11, 'ß'", 1),
            ("select ';', $1", "select ';', $11", 1),
        ];
        for (sql, moved, values) in table {
            let expected = Scanned { values, changes: false };
            assert_eq!(added(sql), (format!("{moved}\n;"), Ok(expected)), "{sql}");
        }
    }

    #[test]
    fn what_changes_rows_is_told_from_what_finds_some() {
        let table = [
            ("select replace(a, 'b', 'c') from d", false),
            ("  INSERT into a select 1", true),
            ("with a (b) as (values ($1)) update c set d = b from a", true),
            ("with a as (select 1) select * from a", false),
            ("delete from a where b in (select 1)", true),
        ];
        for (sql, changes) in table {
            assert_eq!(added(sql).1.unwrap().changes, changes, "{sql}");
        }
    }

    #[test]
    fn what_would_not_be_one_statement_is_refused() {
        for sql in
            ["select 1; select 2", "select ?", "select :a", "select @a", "select $a", "select $0", "select 'a", "/* "]
        {
            assert!(added(sql).1.is_err(), "{sql}");
        }
    }
}
