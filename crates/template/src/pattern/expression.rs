//! A Java expression in the words of the engines here, told token by token.
//!
//! It decides nothing about a text. What has no equal in the engines is refused by name.

use super::PatternError;
use super::class;
use super::escape::{self, One};
use super::token::{Reader, Token};

/// All but what ends a line.
const ANY: &str = r"[^\x{a}\x{d}\x{85}\x{2028}\x{2029}]";
/// At the end, or before the line terminator that is the last of the text.
const LAST_LINE: &str = r"(?=\z|\x{d}\x{a}\z|[\x{d}\x{85}\x{2028}\x{2029}]\z|(?<!\x{d})\x{a}\z)";
const LINE_BEGINS: &str = r"(?:(?!\z)(?:\A|(?<=[\x{a}\x{85}\x{2028}\x{2029}])|(?<=\x{d})(?!\x{a})))";
const LINE_ENDS: &str = r"(?=\z|[\x{d}\x{85}\x{2028}\x{2029}]|(?<!\x{d})\x{a})";
const LINE_BREAK: &str = r"(?:\x{d}\x{a}|[\x{a}-\x{d}\x{85}\x{2028}\x{2029}])";
const AT_WORD: &str = "(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_]))";
const NOT_AT_WORD: &str = "(?:(?<=[0-9A-Za-z_])(?=[0-9A-Za-z_])|(?<![0-9A-Za-z_])(?![0-9A-Za-z_]))";

/// An expression that has been read.
pub(super) struct Expression {
    pieces: Vec<Piece>,
    /// How much of it only an engine that backtracks can say.
    pub(super) looks: usize,
}

enum Piece {
    Text(String),
    /// `$`, or `\Z`: where nothing can follow it, the end of the text.
    End {
        alone: bool,
    },
    Boundary {
        negated: bool,
    },
}

#[derive(Clone, Copy, Default)]
struct Flags {
    insensitive: bool,
    lines: bool,
    all: bool,
}

/// What a quantifier would be about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Assertion,
    Atom,
}

/// A group that is open, or the whole.
struct Group {
    /// What held outside.
    outside: Flags,
    capture: Option<usize>,
    asserts: bool,
    /// What is in it is matched for itself, so that an end in it need not be the whole's.
    apart: bool,
    /// The ends after which nothing came yet in this alternative, and those of the alternatives before.
    ends: Vec<usize>,
    parked: Vec<usize>,
}

struct Writer {
    reader: Reader,
    pieces: Vec<Piece>,
    looks: usize,
    flags: Flags,
    open: Vec<Group>,
    /// For each group that captures, in order, whether it is closed.
    closed: Vec<bool>,
    names: Vec<(String, usize)>,
    last: Last,
}

impl Expression {
    pub(super) fn read(pattern: &str) -> Result<Self, PatternError> {
        let mut writer = Writer {
            reader: Reader::new(pattern)?,
            pieces: vec![],
            looks: 0,
            flags: Flags::default(),
            open: vec![Group::new(Flags::default())],
            closed: vec![],
            names: vec![],
            last: Last::Nothing,
        };
        while let Some(token) = writer.reader.next() {
            writer.write(token)?;
        }
        if writer.open.len() != 1 {
            return Err(PatternError::Unreadable);
        }
        let ends = writer.pieces.iter().filter(|piece| matches!(piece, Piece::End { alone: false })).count();
        Ok(Self { looks: writer.looks + ends, pieces: writer.pieces })
    }

    /// The words of it; where they are for the engine that backtracks, boundaries are told by looking around.
    pub(super) fn words(&self, backtracking: bool) -> String {
        let words = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::End { alone: true } => r"\z",
            Piece::End { alone: false } => LAST_LINE,
            Piece::Boundary { negated: false } if backtracking => AT_WORD,
            Piece::Boundary { negated: true } if backtracking => NOT_AT_WORD,
            Piece::Boundary { negated: false } => r"(?-u:\b)",
            Piece::Boundary { negated: true } => r"(?-u:\B)",
        });
        words.collect()
    }

    /// How many parts the engine that backtracks has to compile by themselves.
    pub(super) fn parts(&self) -> usize {
        self.looks + self.pieces.iter().filter(|piece| matches!(piece, Piece::Boundary { .. })).count()
    }
}

impl Group {
    const fn new(outside: Flags) -> Self {
        Self { outside, capture: None, asserts: false, apart: false, ends: vec![], parked: vec![] }
    }
}

impl Writer {
    fn write(&mut self, token: Token) -> Result<(), PatternError> {
        match token {
            Token::Escaped(escaped) => self.escape(escaped),
            Token::Quoted(character) => self.character(character),
            Token::Plain('[') => {
                let class = class::class(&mut self.reader, self.flags.insensitive, 0)?;
                self.atom(&class)
            }
            Token::Plain('(') => self.opens(),
            Token::Plain(')') => self.closes(),
            Token::Plain('|') => {
                let group = self.group()?;
                let ends = std::mem::take(&mut group.ends);
                group.parked.extend(ends);
                self.push("|");
                self.last = Last::Nothing;
                Ok(())
            }
            Token::Plain('.') => self.atom(if self.flags.all { "(?s:.)" } else { ANY }),
            Token::Plain('^') if self.flags.lines => self.looks_around(LINE_BEGINS),
            Token::Plain('^') => self.asserts(Piece::Text(r"\A".to_owned())),
            Token::Plain('$') if self.flags.lines => self.looks_around(LINE_ENDS),
            Token::Plain('$') => self.ends(),
            Token::Plain(sign @ ('*' | '+' | '?' | '{')) => self.quantifier(sign),
            Token::Plain(character) => self.character(character),
        }
    }

    fn group(&mut self) -> Result<&mut Group, PatternError> {
        self.open.last_mut().ok_or(PatternError::Unreadable)
    }

    fn push(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    /// What may take characters: ends before it are not the text's.
    fn atom(&mut self, text: &str) -> Result<(), PatternError> {
        self.goes_on()?;
        self.push(text);
        self.last = Last::Atom;
        Ok(())
    }

    fn character(&mut self, character: char) -> Result<(), PatternError> {
        let text = if self.flags.insensitive && character.is_ascii_alphabetic() {
            format!("[{}]", class::characters(character, character, true))
        } else {
            class::literal(character)
        };
        self.atom(&text)
    }

    fn asserts(&mut self, piece: Piece) -> Result<(), PatternError> {
        match piece {
            Piece::Text(text) => self.push(&text),
            piece => self.pieces.push(piece),
        }
        self.last = Last::Assertion;
        Ok(())
    }

    fn looks_around(&mut self, text: &str) -> Result<(), PatternError> {
        self.looks += 1;
        self.asserts(Piece::Text(text.to_owned()))
    }

    fn ends(&mut self) -> Result<(), PatternError> {
        let at = self.pieces.len();
        self.group()?.ends.push(at);
        self.asserts(Piece::End { alone: true })
    }

    /// Something follows what ended here.
    fn goes_on(&mut self) -> Result<(), PatternError> {
        let ends = std::mem::take(&mut self.group()?.ends);
        self.not_alone(ends);
        Ok(())
    }

    fn not_alone(&mut self, ends: Vec<usize>) {
        for at in ends {
            if let Some(Piece::End { alone }) = self.pieces.get_mut(at) {
                *alone = false;
            }
        }
    }

    fn escape(&mut self, escaped: char) -> Result<(), PatternError> {
        match escaped {
            'A' => return self.asserts(Piece::Text(r"\A".to_owned())),
            'z' => return self.asserts(Piece::Text(r"\z".to_owned())),
            'Z' => return self.ends(),
            'b' | 'B' if self.reader.peek(0) == Some(Token::Plain('{')) => {
                return Err(PatternError::unsupported(r"\b{…}"));
            }
            'b' | 'B' => return self.asserts(Piece::Boundary { negated: escaped == 'B' }),
            'R' => return self.atom(LINE_BREAK),
            'G' | 'X' | 'N' => return Err(PatternError::unsupported(&format!(r"\{escaped}"))),
            '1'..='9' => return self.refers_by_number(escaped),
            'k' => return self.refers_by_name(),
            _ => {}
        }
        match escape::one(escaped, &mut self.reader, self.flags.insensitive)? {
            Some(One::Character(character)) => self.character(character),
            Some(One::Set(set)) => self.atom(&set),
            None => Err(PatternError::Unreadable),
        }
    }

    /// As many digits belong to the number as groups were opened for.
    fn refers_by_number(&mut self, first: char) -> Result<(), PatternError> {
        let opened = self.closed.len();
        let mut number = first.to_digit(10).map_or(0, |digit| digit as usize);
        while let Some(Token::Plain(next)) = self.reader.peek(0)
            && let Some(digit) = next.to_digit(10)
            && let longer = number.saturating_mul(10).saturating_add(digit as usize)
            && longer <= opened
        {
            self.reader.next();
            number = longer;
        }
        self.refers(number)
    }

    fn refers_by_name(&mut self) -> Result<(), PatternError> {
        if !self.reader.eat('<') {
            return Err(PatternError::Unreadable);
        }
        let name = self.reader.until('>')?;
        let number = self.names.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
        self.refers(number.ok_or(PatternError::Unreadable)?)
    }

    fn refers(&mut self, number: usize) -> Result<(), PatternError> {
        let closed = number.checked_sub(1).and_then(|at| self.closed.get(at)).copied();
        if closed != Some(true) {
            return Err(PatternError::unsupported(&format!(r"\{number} before the end of its group")));
        }
        if self.flags.insensitive {
            return Err(PatternError::unsupported(&format!(r"\{number} beside (?i)")));
        }
        self.looks += 1;
        self.atom(&format!(r"(?:\{number})"))
    }

    fn opens(&mut self) -> Result<(), PatternError> {
        self.goes_on()?;
        let mut group = Group::new(self.flags);
        if self.reader.eat('?') {
            let Some(begins) = self.kind(&mut group)? else { return Ok(()) };
            self.push(begins);
        } else {
            self.captures(&mut group);
        }
        self.looks += usize::from(group.apart);
        self.open.push(group);
        self.last = Last::Nothing;
        Ok(())
    }

    fn captures(&mut self, group: &mut Group) {
        self.closed.push(false);
        group.capture = Some(self.closed.len());
        self.push("(");
    }

    /// How the group begins; none where it is no group, but flags for what follows.
    fn kind(&mut self, group: &mut Group) -> Result<Option<&'static str>, PatternError> {
        let reader = &mut self.reader;
        let begins = match reader.plain_if(|next| ":=!><".contains(next)) {
            Some(':') => "(?:",
            Some('=') => "(?=",
            Some('!') => "(?!",
            Some('>') => "(?>",
            Some(_) if reader.eat('=') => "(?<=",
            Some(_) if reader.eat('!') => "(?<!",
            Some(_) => {
                self.named(group)?;
                return Ok(Some(""));
            }
            None => return self.flags(),
        };
        group.asserts = !matches!(begins, "(?:" | "(?>");
        group.apart = begins != "(?:";
        Ok(Some(begins))
    }

    fn named(&mut self, group: &mut Group) -> Result<(), PatternError> {
        let name = self.reader.until('>')?;
        let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
        let reads_well = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !begins_well || !reads_well || self.names.iter().any(|(known, _)| *known == name) {
            return Err(PatternError::Unreadable);
        }
        self.captures(group);
        self.names.push((name, self.closed.len()));
        Ok(())
    }

    fn flags(&mut self) -> Result<Option<&'static str>, PatternError> {
        let mut on = true;
        loop {
            match self.reader.plain_if(|_| true) {
                Some('i') => self.flags.insensitive = on,
                Some('m') => self.flags.lines = on,
                Some('s') => self.flags.all = on,
                Some('-') if on => on = false,
                Some(flag @ ('d' | 'u' | 'x' | 'U')) => {
                    return Err(PatternError::unsupported(&format!("(?{flag})")));
                }
                Some(':') => return Ok(Some("(?:")),
                Some(')') => {
                    self.last = Last::Nothing;
                    return Ok(None);
                }
                _ => return Err(PatternError::Unreadable),
            }
        }
    }

    fn closes(&mut self) -> Result<(), PatternError> {
        if self.open.len() < 2 {
            return Err(PatternError::Unreadable);
        }
        let Some(group) = self.open.pop() else { return Err(PatternError::Unreadable) };
        self.flags = group.outside;
        if let Some(closed) = group.capture.and_then(|number| self.closed.get_mut(number - 1)) {
            *closed = true;
        }
        let ends = group.ends.into_iter().chain(group.parked).collect();
        if group.apart {
            self.not_alone(ends);
        } else {
            self.group()?.ends = ends;
        }
        self.push(")");
        self.last = if group.asserts { Last::Assertion } else { Last::Atom };
        Ok(())
    }

    fn quantifier(&mut self, sign: char) -> Result<(), PatternError> {
        match self.last {
            Last::Atom => {}
            Last::Nothing => return Err(PatternError::Unreadable),
            Last::Assertion => return Err(PatternError::unsupported(&format!("{sign} after an assertion"))),
        }
        let text = if sign == '{' { self.repeats()? } else { sign.to_string() };
        self.push(&text);
        if self.reader.eat('+') {
            self.looks += 1;
            self.push("+");
            self.goes_on()?;
        } else if self.reader.eat('?') {
            self.push("?");
        }
        if sign != '?' {
            self.goes_on()?;
        }
        self.last = Last::Nothing;
        Ok(())
    }

    fn repeats(&mut self) -> Result<String, PatternError> {
        let least = self.reader.number()?;
        let most = match self.reader.eat(',') {
            false => Some(least),
            true if self.reader.peek(0) == Some(Token::Plain('}')) => None,
            true => Some(self.reader.number()?),
        };
        // Java's numbers end there.
        let most_allowed = i32::MAX.unsigned_abs();
        if !self.reader.eat('}')
            || least > most_allowed
            || most.is_some_and(|most| most < least || most > most_allowed)
        {
            return Err(PatternError::Unreadable);
        }
        Ok(match most {
            Some(most) if most == least => format!("{{{least}}}"),
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        })
    }
}
