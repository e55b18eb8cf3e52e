//! Cutting a stream of bytes into rows: the lines of a body of JSON lines, or the records of a table.

/// A longer row is none: no usable candidate has a quarter of it.
const LONGEST: usize = 64 * 1024;

/// Bytes that hold no end of a row within the length of the longest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a row has more than 65536 bytes; is a line break, or a quote, missing?")]
pub struct TooLong;

/// Where in a record the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a cell.
    Cell,
    /// In a cell without quotes.
    Plain,
    /// Between quotes: nothing ends here.
    Quoted,
    /// Behind a quote that may be one of two.
    Quote,
}

/// Rows of a body of any length, as its bytes come. Blank rows are skipped: they are none.
///
/// # Examples
/// ```
/// use seatgate_http::intake::records::Records;
///
/// let mut records = Records::of_table();
/// records.push(b"app_id,account_name\nfigma,\"Ruiz,\nA");
/// assert_eq!(records.next_row()?, Some(&b"app_id,account_name"[..]));
/// assert_eq!(records.next_row()?, None);
/// records.push(b"na\"");
/// assert_eq!(records.last_row(), Some(&b"figma,\"Ruiz,\nAna\""[..]));
/// # Ok::<_, seatgate_http::intake::records::TooLong>(())
/// ```
#[derive(Debug)]
pub struct Records {
    table: bool,
    bytes: Vec<u8>,
    /// Where the next row begins.
    begin: usize,
    /// Up to where its end was looked for.
    seen: usize,
    place: Place,
}

impl Records {
    /// Each line is a row, whatever stands in it.
    #[must_use]
    pub fn of_lines() -> Self {
        Self { table: false, bytes: Vec::new(), begin: 0, seen: 0, place: Place::Cell }
    }

    /// A row ends at a line break that stands between no quotes. The first one is the header's.
    #[must_use]
    pub fn of_table() -> Self {
        Self { table: true, ..Self::of_lines() }
    }

    /// Adds what came.
    pub fn push(&mut self, part: &[u8]) {
        self.bytes.drain(..self.begin);
        self.seen -= self.begin;
        self.begin = 0;
        self.bytes.extend_from_slice(part);
    }

    /// The next row, if it is there to its end.
    ///
    /// # Errors
    /// When the row is too long to be one.
    pub fn next_row(&mut self) -> Result<Option<&[u8]>, TooLong> {
        while let Some(end) = self.end() {
            let begin = std::mem::replace(&mut self.begin, end + 1);
            if end - begin > LONGEST {
                return Err(TooLong);
            }
            if !self.is_blank(begin, end) {
                return Ok(self.bytes.get(begin..end).map(<[u8]>::trim_ascii));
            }
        }
        if self.bytes.len() - self.begin > LONGEST { Err(TooLong) } else { Ok(None) }
    }

    /// What is left once everything came: a last row without a line break.
    pub fn last_row(&mut self) -> Option<&[u8]> {
        let begin = std::mem::replace(&mut self.begin, self.bytes.len());
        self.seen = self.bytes.len();
        if self.is_blank(begin, self.bytes.len()) { None } else { self.bytes.get(begin..).map(<[u8]>::trim_ascii) }
    }

    /// Where the next row ends.
    fn end(&mut self) -> Option<usize> {
        while let Some(byte) = self.bytes.get(self.seen).copied() {
            self.seen += 1;
            if self.ends(byte) {
                return Some(self.seen - 1);
            }
        }
        None
    }

    fn ends(&mut self, byte: u8) -> bool {
        let ends =
            if self.table { matches!(byte, b'\n' | b'\r') && self.place != Place::Quoted } else { byte == b'\n' };
        self.place = match (self.place, byte) {
            _ if ends => Place::Cell,
            (Place::Cell | Place::Quote, b'"') => Place::Quoted,
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) => Place::Quoted,
            (_, b',') => Place::Cell,
            _ => Place::Plain,
        };
        ends
    }

    /// A table's row without anything in its cells is as good as none.
    fn is_blank(&self, begin: usize, end: usize) -> bool {
        let empty = |byte: &u8| byte.is_ascii_whitespace() || self.table && matches!(byte, b',' | b'"');
        self.bytes.get(begin..end).unwrap_or_default().iter().all(empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a body that comes in parts of so many bytes.
    fn rows(mut records: Records, body: &[u8], part: usize) -> Vec<String> {
        let mut rows = Vec::new();
        let text = |row: &[u8]| String::from_utf8(row.to_vec()).unwrap();
        for part in body.chunks(part) {
            records.push(part);
            while let Some(row) = records.next_row().unwrap() {
                rows.push(text(row));
            }
        }
        rows.extend(records.last_row().map(text));
        rows
    }

    #[test]
    fn however_the_bytes_come_the_rows_are_the_same() {
        let lines = b"{\"a\":1}\r\n\n  \n {\"b\":\"\\\"\"} \n\"x\n7";
        let table = b"a,b\r\n1,\"x\ny\"\r\n,,\n\"\",\" \"\n2,\"p\"\"q\n\"\rab\"c\nd,e\n\"f\"g\nh";
        for part in 1..lines.len().max(table.len()) {
            assert_eq!(rows(Records::of_lines(), lines, part), ["{\"a\":1}", "{\"b\":\"\\\"\"}", "\"x", "7"]);
            let found = rows(Records::of_table(), table, part);
            assert_eq!(found, ["a,b", "1,\"x\ny\"", "2,\"p\"\"q\n\"", "ab\"c", "d,e", "\"f\"g", "h"]);
        }
    }

    #[test]
    fn a_table_is_cut_as_its_reader_reads_it() {
        let bodies: [&[u8]; 6] = [
            b"a,b\n\"1\n\",2\n3,4",
            b"a\n\"x\"\"\n\"\"y\"\nz\n",
            b"a,b\nx\"\n,y\n",
            b"a,b\r\r\n\"\"\"\n\",1\n",
            b"a,b\n\"x\"y\"\n,z\n1,2\n",
            b"a,b\n \"x\n,y\n",
        ];
        for body in bodies {
            let mut table = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body);
            let whole: Vec<csv::ByteRecord> = table.byte_records().map(Result::unwrap).collect();
            let cut: Vec<csv::ByteRecord> = rows(Records::of_table(), body, 3)
                .iter()
                .map(|row| {
                    let table = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(row.as_bytes());
                    table.into_byte_records().next().unwrap().unwrap()
                })
                .collect();
            assert_eq!(whole.len(), cut.len(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
        let mut records = Records::of_table();
        records.push(b"a\n\"");
        assert_eq!(records.next_row(), Ok(Some(&b"a"[..])));
        let mut held = 0;
        while records.next_row().is_ok() {
            records.push(&[b'x'; 1000]);
            held += 1000;
            assert!(held < 2 * LONGEST);
        }
        records = Records::of_lines();
        records.push(&[&vec![b'x'; LONGEST + 1][..], b"\n"].concat());
        assert_eq!(records.next_row(), Err(TooLong));
    }
}
