//! What keeps text from being taken for anything else.

use serde::Serialize;

/// Text that is safe between tags and in attributes, of HTML and of XML.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

/// JSON that no script element ends in: the letters that tags and comments consist of are written by their numbers.
pub(super) fn embedded(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("reports hold only numbers, texts and lists");
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "</script><!-- <script>alert(\"&'\")";

    #[test]
    fn text_cannot_break_out_of_an_element_or_an_attribute() {
        let safe = escaped(HOSTILE);
        assert!(!safe.contains(['<', '>', '"', '\'']), "{safe}");
    }

    #[test]
    fn embedded_json_holds_no_tag_and_still_says_the_same() {
        let safe = embedded(&HOSTILE);
        assert!(!safe.contains(['<', '>', '&']), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), HOSTILE);
    }
}
