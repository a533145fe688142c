//! The width of lines, for text that may begin and end anywhere in them.
//!
//! Where a text begins within a line, the column at which it begins is not known. That matters less
//! than it seems: up to the first tab the columns just add up, and behind it they count from a
//! multiple of eight. So the part of a line before the first end of line is kept as two numbers,
//! and two texts can be joined in any order of joining. Nothing is known of bytes and characters.

/// The distance between tab stops.
const TAB: u64 = 8;

const fn next_tab(column: u64) -> u64 {
    (column / TAB + 1) * TAB
}

/// A part of a line, without an end of line in it.
#[derive(Clone, Copy)]
struct Part {
    /// The columns before the first tab.
    before_tab: u64,
    /// The columns behind the first tab's stop, if there is a tab.
    behind_tab: Option<u64>,
}

impl Part {
    const EMPTY: Part = Part {
        before_tab: 0,
        behind_tab: None,
    };

    /// The column at the end of the part if it begins at `column`.
    fn end(self, column: u64) -> u64 {
        let column = column + self.before_tab;
        match self.behind_tab {
            None => column,
            Some(behind) => next_tab(column) + behind,
        }
    }

    fn then(self, next: Part) -> Part {
        match self.behind_tab {
            // The stop is a multiple of the distance, so columns can count from there.
            Some(behind) => Part {
                before_tab: self.before_tab,
                behind_tab: Some(next.end(behind)),
            },
            None => Part {
                before_tab: self.before_tab + next.before_tab,
                behind_tab: next.behind_tab,
            },
        }
    }
}

/// The lines of a text.
#[derive(Clone, Copy)]
pub struct Lines {
    /// What comes before the first end of line.
    begin: Part,
    /// If there is an end of line: the widest line that begins and ends here, and the column at the
    /// end of the text.
    rest: Option<(u64, u64)>,
}

impl Lines {
    pub const EMPTY: Lines = Lines {
        begin: Part::EMPTY,
        rest: None,
    };

    /// Joins the lines of a text to those of the text right behind it.
    pub fn then(self, next: Lines) -> Lines {
        let Some((widest, column)) = self.rest else {
            return Lines {
                begin: self.begin.then(next.begin),
                rest: next.rest,
            };
        };
        let end = next.begin.end(column);
        Lines {
            begin: self.begin,
            rest: Some(match next.rest {
                None => (widest, end),
                Some((next_widest, column)) => (widest.max(end).max(next_widest), column),
            }),
        }
    }

    /// The width of the widest line, for a text that is a whole file.
    pub fn widest(self) -> u64 {
        let begin = self.begin.end(0);
        self.rest
            .map_or(begin, |(widest, column)| begin.max(widest).max(column))
    }
}

/// Measures a text from its begin on.
pub struct Ruler {
    /// As if the text began at column 0.
    column: u64,
    widest: u64,
    /// While the first line lasts: the column of its first tab.
    first_tab: Option<u64>,
    /// The first line, once it has ended.
    begin: Option<Part>,
}

impl Ruler {
    pub const fn new() -> Ruler {
        Ruler {
            column: 0,
            widest: 0,
            first_tab: None,
            begin: None,
        }
    }

    /// Goes on by some columns.
    pub fn advance(&mut self, columns: u64) {
        self.column += columns;
    }

    /// Goes on to the next tab stop.
    pub fn tab(&mut self) {
        if self.begin.is_none() && self.first_tab.is_none() {
            self.first_tab = Some(self.column);
        }
        self.column = next_tab(self.column);
    }

    /// Goes back to column 0.
    pub fn end_line(&mut self) {
        if self.begin.is_none() {
            self.begin = Some(self.first_line());
        } else {
            self.widest = self.widest.max(self.column);
        }
        self.column = 0;
    }

    fn first_line(&self) -> Part {
        match self.first_tab {
            None => Part {
                before_tab: self.column,
                behind_tab: None,
            },
            Some(tab) => Part {
                before_tab: tab,
                behind_tab: Some(self.column - next_tab(tab)),
            },
        }
    }

    /// Returns what was measured.
    pub fn lines(&self) -> Lines {
        match self.begin {
            None => Lines {
                begin: self.first_line(),
                rest: None,
            },
            Some(begin) => Lines {
                begin,
                rest: Some((self.widest, self.column)),
            },
        }
    }
}
