//! What a program prints, line by line, for tests that look for lines in any order.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::process::PATIENCE;

/// All lines so far. Clones see the same lines.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    has_ended: bool,
}

impl Lines {
    /// Reads on a thread of its own until the other end closes.
    pub fn of(from: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let theirs = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                theirs.change(|state| state.lines.push(line));
            }
            theirs.change(|state| state.has_ended = true);
        });
        lines
    }

    /// The first line that the condition holds for, now or later.
    pub fn find(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let look = |state: &State| {
            let found = state.lines.iter().find(|line| condition(line)).cloned();
            (found.is_some() || state.has_ended).then_some(found)
        };
        self.wait(look).flatten().unwrap_or_else(|| panic!("no line with {what} among {:#?}", self.now()))
    }

    /// Every line, once there will be no more.
    pub fn all(&self) -> Vec<String> {
        let all = self.wait(|state| state.has_ended.then(|| state.lines.clone()));
        all.unwrap_or_else(|| panic!("the program goes on printing"))
    }

    /// Every line so far.
    pub fn now(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }

    fn wait<T>(&self, look: impl Fn(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = changed.wait_timeout(state, left).unwrap().0;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }
}
