//! Prometheus' text format 0.0.4, for what is read where it is known at each scrape and kept nowhere else: a series that is
//! kept takes a kilobyte, and there are seven for each endpoint.

use std::fmt::Write;

/// What a family counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Only goes up, until what is counted begins anew.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// The text of a scrape, under construction.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// One that begins with this.
    pub(super) fn of(text: String) -> Self {
        Self { text }
    }

    /// Begins a family, whose samples follow. Names and help are constants of the caller and need no escapes.
    pub fn family<'e>(&'e mut self, measure: Measure, name: &'e str, help: &str) -> Family<'e> {
        let measure = match measure {
            Measure::Counter => "counter",
            Measure::Gauge => "gauge",
        };
        let text = &mut self.text;
        // Nothing fails to be written to a string.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {measure}\n");
        Family { text, name }
    }

    /// All of it.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// A family whose samples are being written.
#[derive(Debug)]
pub struct Family<'e> {
    text: &'e mut String,
    name: &'e str,
}

impl Family<'_> {
    /// One sample. There is at least one label; their values may be anything.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(self.name);
        for (index, (label, value)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_their_family_and_values_are_escaped() {
        let mut seen = Exposition::of("before 1\n".to_owned());
        let mut family = seen.family(Measure::Counter, "moves_total", "How often.");
        family.sample(&[("pool", "a\\b"), ("state", "\"bad\"\n")], 7);
        family.sample(&[("pool", "c")], 0);
        let expected = "before 1\n# HELP moves_total How often.\n# TYPE moves_total counter\n\
            moves_total{pool=\"a\\\\b\",state=\"\\\"bad\\\"\\n\"} 7\nmoves_total{pool=\"c\"} 0\n";
        assert_eq!(seen.into_text(), expected);
    }
}
