//! The values of `$1`, `$2` and so on.

use std::str::FromStr;

use chrono::NaiveDate;
use sekisho_wire::v1::parameter::Value;
use sekisho_wire::{NullValue, v1};
use serde::{Deserialize, Deserializer, de};

use crate::Error;

/// The value of one parameter. It stands in the plan as a constant, never in the text.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// A calendar day.
    Date(NaiveDate),
    /// A binary floating point number.
    Double(f64),
    /// A signed integer.
    Integer(i64),
    /// `NULL`.
    Null,
    /// Text.
    Text(String),
}

impl Parameter {
    pub(crate) fn to_wire(&self) -> v1::Parameter {
        let value = match self {
            Self::Boolean(value) => Value::Boolean(*value),
            Self::Date(day) => Value::Date(day.format("%Y-%m-%d").to_string()),
            Self::Double(number) => Value::Double(*number),
            Self::Integer(number) => Value::Integer(*number),
            Self::Null => Value::Null(NullValue::NullValue.into()),
            Self::Text(text) => Value::Text(text.clone()),
        };
        v1::Parameter { value: Some(value) }
    }
}

/// Reads a value as SQL writes it: `12`, `1.5`, `true`, `null`, `'E11'`, or with its type behind it, as in
/// `2020-01-31::date` and `007::text`. What is none of these is text.
///
/// ```
/// use sekisho_client::Parameter;
///
/// let read = |text: &str| text.parse::<Parameter>().unwrap();
/// assert_eq!(read("12"), Parameter::Integer(12));
/// assert_eq!(read("12::double"), Parameter::Double(12.0));
/// assert_eq!(read("E11"), read("'E11'"));
/// assert_eq!(read("007"), Parameter::Text("007".to_owned()));
/// assert!("2020-02-30::date".parse::<Parameter>().is_err());
/// ```
impl FromStr for Parameter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some((value, kind)) = text.rsplit_once("::")
            && let Some(read) = of_kind(unquoted(value).as_deref().unwrap_or(value), kind)
        {
            return read.ok_or_else(|| Error::argument(format!("`{value}` is not a {kind}")));
        }
        if let Some(quoted) = unquoted(text) {
            return Ok(Self::Text(quoted));
        }
        if text.eq_ignore_ascii_case("null") {
            return Ok(Self::Null);
        }
        let plain = ["boolean", "integer", "double"].iter().find_map(|kind| of_kind(text, kind).flatten());
        Ok(plain.unwrap_or_else(|| Self::Text(text.to_owned())))
    }
}

/// A value of a type: `None` if there is no such type, `Some(None)` if the text is no value of it.
fn of_kind(text: &str, kind: &str) -> Option<Option<Parameter>> {
    match kind {
        "boolean" if text.eq_ignore_ascii_case("true") => Some(Some(Parameter::Boolean(true))),
        "boolean" if text.eq_ignore_ascii_case("false") => Some(Some(Parameter::Boolean(false))),
        "boolean" => Some(None),
        "date" => Some(day(text).map(Parameter::Date)),
        "double" => Some(double(text).map(Parameter::Double)),
        "integer" => Some(integer(text).map(Parameter::Integer)),
        "text" => Some(Some(Parameter::Text(text.to_owned()))),
        _ => None,
    }
}

/// An integer as one writes it: `007` is a code.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// A number of digits with a point or an exponent: `inf` and `nan` are words, and `00.5` may be a code.
fn double(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
    let written = !digits.starts_with('+')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let code = whole.len() > 1 && whole.starts_with('0');
    text.parse().ok().filter(|number: &f64| written && !code && number.is_finite())
}

fn day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (day.format("%Y-%m-%d").to_string() == text).then_some(day)
}

/// The text between quotes, in which a quote is written twice.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let single = inner.replace("''", "");
    (!single.contains('\'')).then(|| inner.replace("''", "'"))
}

/// A JSON value: null, a boolean, a number (an integer if it is written as one), a text, or
/// `{"date": "2020-01-31"}`.
impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Json {
            Null(()),
            Boolean(bool),
            Integer(i64),
            Double(f64),
            Text(String),
            Date(Dated),
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Dated {
            date: String,
        }

        Ok(match Json::deserialize(deserializer)? {
            Json::Null(()) => Self::Null,
            Json::Boolean(value) => Self::Boolean(value),
            Json::Integer(number) => Self::Integer(number),
            Json::Double(number) => Self::Double(number),
            Json::Text(text) => Self::Text(text),
            Json::Date(dated) => {
                let read = day(&dated.date).map(Self::Date);
                read.ok_or_else(|| de::Error::custom("a date is written `2020-01-31`"))?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Parameter {
        Parameter::Text(text.to_owned())
    }

    fn date(year: i32, month: u32, day: u32) -> Parameter {
        Parameter::Date(NaiveDate::from_ymd_opt(year, month, day).unwrap())
    }

    #[test]
    fn a_value_is_read_as_sql_writes_it() {
        let cases = [
            ("12", Parameter::Integer(12)),
            ("-9223372036854775808", Parameter::Integer(i64::MIN)),
            ("9223372036854775808", Parameter::Double(9_223_372_036_854_775_808.0)),
            ("1.5", Parameter::Double(1.5)),
            ("-1e-3", Parameter::Double(-0.001)),
            ("TRUE", Parameter::Boolean(true)),
            ("Null", Parameter::Null),
            ("E11", text("E11")),
            ("007", text("007")),
            ("00.5", text("00.5")),
            ("+1", text("+1")),
            ("inf", text("inf")),
            ("NaN", text("NaN")),
            ("", text("")),
            ("'12'", text("12")),
            ("'it''s'", text("it's")),
            ("'a' OR 'b'", text("'a' OR 'b'")),
            ("2020-01-31", text("2020-01-31")),
            ("2020-01-31::date", date(2020, 1, 31)),
            ("'2020-01-31'::date", date(2020, 1, 31)),
            ("12::text", text("12")),
            ("12::double", Parameter::Double(12.0)),
            ("a::b", text("a::b")),
            ("'12::date'", text("12::date")),
        ];
        for (written, value) in cases {
            assert_eq!(written.parse::<Parameter>(), Ok(value), "{written}");
        }
        for written in ["2020-02-30::date", "x::integer", "yes::boolean", "nan::double", "2020-1-1::date"] {
            assert!(written.parse::<Parameter>().is_err(), "{written}");
        }
    }

    #[test]
    fn a_value_is_read_from_json() {
        let read: Vec<Parameter> =
            serde_json::from_str(r#"[null, true, 1, 1.0, -1e2, "x", {"date": "2020-02-29"}]"#).unwrap();
        let expected = [
            Parameter::Null,
            Parameter::Boolean(true),
            Parameter::Integer(1),
            Parameter::Double(1.0),
            Parameter::Double(-100.0),
            text("x"),
            date(2020, 2, 29),
        ];
        assert_eq!(read, expected);
        for json in
            [r#"[1]"#, r#"{"date": "x"}"#, r#"{"day": "2020-01-01"}"#, r#"{"date": "2020-01-01", "a": 1}"#]
        {
            assert!(serde_json::from_str::<Parameter>(json).is_err(), "{json}");
        }
    }
}
