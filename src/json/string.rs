//! The strings of JSON.

/// The string that `text` begins with, behind its opening quotation mark, and how many bytes it takes, with the closing
/// one. None where it is not whole, or not text.
pub fn read(text: &[u8]) -> Option<(String, usize)> {
    let mut string = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        string.extend_from_slice(&rest[..plain]);
        at += plain + 1;
        if rest[plain] == b'"' {
            return Some((String::from_utf8(string).ok()?, at));
        }
        let escape = *text.get(at)?;
        at += 1;
        if escape == b'u' {
            let (letter, read) = letter(text.get(at..)?)?;
            at += read;
            string.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            string.push(escaped(escape)?);
        }
    }
}

/// The byte that a backslash before this one means.
fn escaped(byte: u8) -> Option<u8> {
    Some(match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// The letter that `text` names in hexadecimal, in one unit of UTF-16 or in two, and how many bytes that takes.
fn letter(text: &[u8]) -> Option<(char, usize)> {
    let first = unit(text)?;
    if let Some(letter) = char::from_u32(first) {
        return Some((letter, 4));
    }
    let second = unit(text.get(4..)?.strip_prefix(b"\\u")?)?;
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|letter| (letter, 10))
}

fn unit(text: &[u8]) -> Option<u32> {
    let digit = |value: u32, byte: &u8| Some(value * 16 + char::from(*byte).to_digit(16)?);
    text.get(..4)?.iter().try_fold(0, digit)
}
