//! An analysis from a request, and its parameters as a job shows them.

use sekisho_model::{Analysis, AnalysisError, Code, CodeList, Finite, Parameter, Refusal};
use sekisho_wire::v1::parameter::Value;
use sekisho_wire::{NullValue, v1};

/// What a request asks to be run.
pub(super) fn analysis(
    sql: String,
    parameters: Vec<v1::Parameter>,
    lists: Vec<v1::CodeList>,
) -> Result<Analysis, Refusal> {
    let parameters = parameters.into_iter().zip(1_usize..).map(|(parameter, number)| {
        let read = parameter.value.ok_or(AnalysisError::Kind).and_then(read);
        read.map_err(|error| invalid(format!("parameter {number}: {error}"), "send the value with its type"))
    });
    let lists = lists.into_iter().zip(1_usize..).map(|(list, number)| {
        let name = list.name.parse();
        let name = name.map_err(|error: AnalysisError| {
            invalid(format!("code list {number}: {error}"), "name it as SQL names a table")
        })?;
        Ok(CodeList { name, csv: list.csv })
    });
    Ok(Analysis {
        sql,
        parameters: parameters.collect::<Result<_, _>>()?,
        lists: lists.collect::<Result<_, _>>()?,
    })
}

fn read(value: Value) -> Result<Parameter, AnalysisError> {
    Ok(match value {
        Value::Null(_) => Parameter::Null,
        Value::Boolean(value) => Parameter::Boolean(value),
        Value::Integer(number) => Parameter::Integer(number),
        Value::Double(number) => Parameter::Double(Finite::new(number).ok_or(AnalysisError::Double)?),
        Value::Text(text) => Parameter::Text(text),
        Value::Date(day) => Parameter::Date(day.parse()?),
    })
}

/// A parameter as a job shows it.
pub(super) fn shown(parameter: &Parameter) -> v1::Parameter {
    let value = match parameter {
        Parameter::Boolean(value) => Value::Boolean(*value),
        Parameter::Date(date) => Value::Date(date.to_string()),
        Parameter::Double(number) => Value::Double(number.get()),
        Parameter::Integer(number) => Value::Integer(*number),
        Parameter::Null => Value::Null(NullValue::NullValue.into()),
        Parameter::Text(text) => Value::Text(text.clone()),
    };
    v1::Parameter { value: Some(value) }
}

fn invalid(message: String, hint: &str) -> Refusal {
    Refusal::new(Code::InvalidArgument, message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(value: Option<Value>) -> v1::Parameter {
        v1::Parameter { value }
    }

    #[test]
    fn a_parameter_is_shown_as_it_was_sent() {
        let all = [
            Value::Null(0),
            Value::Boolean(true),
            Value::Integer(i64::MIN),
            Value::Double(-0.1),
            Value::Text("2020-01-01".into()),
            Value::Date("2020-02-29".into()),
        ];
        let sent: Vec<v1::Parameter> = all.into_iter().map(|value| parameter(Some(value))).collect();
        let read = analysis(String::new(), sent.clone(), Vec::new()).unwrap();
        assert_eq!(read.parameters.iter().map(shown).collect::<Vec<_>>(), sent);
    }

    #[test]
    fn what_is_no_value_is_refused_with_its_number() {
        for value in [
            None,
            Some(Value::Double(f64::NAN)),
            Some(Value::Double(f64::INFINITY)),
            Some(Value::Date("2021-02-29".into())),
        ] {
            let sent = vec![parameter(Some(Value::Null(0))), parameter(value.clone())];
            let refusal = analysis(String::new(), sent, Vec::new()).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidArgument, "{value:?}");
            assert!(refusal.message.starts_with("parameter 2: "), "{refusal:?}");
        }
        let list = v1::CodeList { name: "a b".into(), csv: String::new() };
        let refusal = analysis(String::new(), Vec::new(), vec![list]).unwrap_err();
        assert!(refusal.message.starts_with("code list 1: "), "{refusal:?}");
    }
}
