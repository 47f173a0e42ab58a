//! HTML as values. Text and attributes are escaped because there is no other way to write them.

use std::fmt;

/// An element with what is inside it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    inside: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Element(Element),
    Text(String),
    /// A style sheet of our own, which HTML does not let escape.
    Style(&'static str),
}

/// An empty element.
pub(super) fn tag(name: &'static str) -> Element {
    Element { name, attributes: Vec::new(), inside: Vec::new() }
}

impl Element {
    pub(super) fn with(mut self, attribute: &'static str, value: impl fmt::Display) -> Self {
        self.attributes.push((attribute, value.to_string()));
        self
    }

    pub(super) fn class(self, class: &'static str) -> Self {
        self.with("class", class)
    }

    pub(super) fn text(mut self, text: impl fmt::Display) -> Self {
        self.inside.push(Node::Text(text.to_string()));
        self
    }

    pub(super) fn style_sheet(mut self, sheet: &'static str) -> Self {
        self.inside.push(Node::Style(sheet));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.inside.push(Node::Element(child));
        self
    }

    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.inside.extend(children.into_iter().map(Node::Element));
        self
    }
}

/// Elements that have no end tag.
const VOID: [&str; 1] = ["meta"];

impl fmt::Display for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<{}", self.name)?;
        for (attribute, value) in &self.attributes {
            write!(out, " {attribute}=\"{}\"", Escaped(value))?;
        }
        write!(out, ">")?;
        if VOID.contains(&self.name) {
            return Ok(());
        }
        for node in &self.inside {
            match node {
                Node::Element(element) => write!(out, "{element}")?,
                Node::Text(text) => write!(out, "{}", Escaped(text))?,
                Node::Style(sheet) => out.write_str(sheet)?,
            }
        }
        write!(out, "</{}>", self.name)
    }
}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                _ => write!(out, "{letter}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_cannot_break_out() {
        let hostile = "\"><script>alert('&')</script>";
        let written = tag("p").with("title", hostile).text(hostile).to_string();
        assert_eq!(written.matches('<').count(), 2, "{written}");
        assert_eq!(written.matches('"').count(), 2, "{written}");
    }
}
