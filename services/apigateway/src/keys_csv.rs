//! Reads API keys from a CSV file as API Gateway takes them: a line of names, then a key a line.
//!
//! Bounded in bytes and lines. Whatever is not in its form is refused; no line is left out in silence.

use crate::Error;
use crate::usage_plan::KEYS_MAX;

/// The largest file, in bytes.
const FILE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Fields of one line.
const FIELDS_MAX: usize = 16;

/// One key of a file.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) description: Option<String>,
    pub(crate) enabled: bool,
    pub(crate) plan_ids: Vec<String>,
}

/// Reads a file.
pub(crate) fn read(file: &[u8]) -> Result<Vec<Line>, Error> {
    if file.len() > FILE_BYTES_MAX {
        return Err(Error::bad(format!("A file of API keys has at most {FILE_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(file).map_err(|_| Error::bad("A file of API keys is UTF-8 text"))?;
    let mut rows = rows(text.trim_start_matches('\u{feff}'))?.into_iter();
    let names =
        rows.next().ok_or_else(|| Error::bad("A file of API keys begins with the names of its fields"))?;
    let names: Vec<String> = names.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let known = ["name", "key", "description", "enabled", "usageplanids"];
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::bad(format!("A file of API keys has no field {unknown}")));
    }
    if !names.iter().any(|name| name == "name") || !names.iter().any(|name| name == "key") {
        return Err(Error::bad("A file of API keys needs the fields name and key"));
    }
    rows.map(|row| line(&names, row)).collect()
}

fn line(names: &[String], row: Vec<String>) -> Result<Line, Error> {
    if row.len() > names.len() {
        return Err(Error::bad("A line of a file of API keys has more fields than it names"));
    }
    let mut line = Line { enabled: true, ..Line::default() };
    for (name, field) in names.iter().zip(row) {
        let field = field.trim().to_owned();
        match name.as_str() {
            "name" => line.name = field,
            "key" => line.value = field,
            "description" => line.description = Some(field).filter(|text| !text.is_empty()),
            "enabled" => line.enabled = !field.eq_ignore_ascii_case("false"),
            _ => {
                let ids = field.split(',').map(str::trim).filter(|id| !id.is_empty());
                line.plan_ids = ids.map(str::to_owned).collect();
            }
        }
    }
    Ok(line)
}

/// Lines and their fields; a field in quotes may hold commas, line ends and doubled quotes.
fn rows(text: &str) -> Result<Vec<Vec<String>>, Error> {
    let malformed = || Error::bad("A file of API keys has a quote that does not end");
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let (mut quoted, mut characters) = (false, text.chars().peekable());
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted || field.trim().is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => end(&mut rows, &mut row, &mut field)?,
            other => field.push(other),
        }
        if row.len() > FIELDS_MAX {
            return Err(Error::bad(format!("A line of a file of API keys has at most {FIELDS_MAX} fields")));
        }
    }
    if quoted {
        return Err(malformed());
    }
    end(&mut rows, &mut row, &mut field)?;
    Ok(rows)
}

/// Ends a line; one without anything is none.
fn end(rows: &mut Vec<Vec<String>>, row: &mut Vec<String>, field: &mut String) -> Result<(), Error> {
    row.push(std::mem::take(field));
    let row = std::mem::take(row);
    if row.iter().any(|field| !field.trim().is_empty()) {
        rows.push(row);
    }
    if rows.len() > KEYS_MAX {
        return Err(Error::bad(format!("A file of API keys has at most {KEYS_MAX} lines")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_they_are_written() {
        let file = "Name,key,description,Enabled,usageplanIds\r\nfirst,aaaa,\"one, \"\"two\"\"\",TRUE,\"p1,p2\"\n\nsecond,bbbb,,false,\n";
        let lines = read(file.as_bytes()).unwrap();
        let shown: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.name.as_str(),
                    line.value.as_str(),
                    line.description.as_deref(),
                    line.enabled,
                    line.plan_ids.join("+"),
                )
            })
            .collect();
        let expected = [
            ("first", "aaaa", Some("one, \"two\""), true, "p1+p2".to_owned()),
            ("second", "bbbb", None, false, String::new()),
        ];
        assert_eq!(shown, expected);
        assert!(read(b"name,key\n").unwrap().is_empty());
    }

    #[test]
    fn other_files_are_refused() {
        let many = "a,b\n".repeat(KEYS_MAX + 1);
        for file in ["", "name\na\n", "name,key,colour\n", "name,key\na,b,c\n", "name,key\n\"a,b\n", &many] {
            assert!(read(file.as_bytes()).is_err(), "{}", file.get(..20).unwrap_or(file));
        }
        assert!(read(b"\xff").is_err());
        assert!(read(&vec![b'x'; FILE_BYTES_MAX + 1]).is_err());
    }
}
