//! What a model or table says, and how it becomes a column.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, Int64Array, ListArray, StructArray, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;

use crate::moments::Inexact;
use crate::rounding::three_digits;

/// Numbers, in the form of the type that a method has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// A double.
    Double(f64),
    /// A number of people or the like.
    Integer(i64),
    /// A number that says what another is about: a term, a time.
    Label(i64),
    /// Some of one type.
    List(Vec<Answer>),
    /// NULL.
    Null,
    /// One for each field.
    Struct(Vec<Answer>),
}

impl Answer {
    /// Where a profile rounds: three digits of each double, and no numbers of people.
    pub(crate) fn shortened(&self) -> Result<Self, Inexact> {
        let all = |answers: &[Self]| answers.iter().map(Self::shortened).collect::<Result<_, _>>();
        Ok(match self {
            Self::Double(double) => Self::Double(three_digits(*double).ok_or(Inexact)?),
            Self::Integer(_) | Self::Null => Self::Null,
            Self::Label(label) => Self::Label(*label),
            Self::List(answers) => Self::List(all(answers)?),
            Self::Struct(answers) => Self::Struct(all(answers)?),
        })
    }

    /// Whether no number in it is none.
    pub(crate) fn is_finite(&self) -> bool {
        match self {
            Self::Double(double) => double.is_finite(),
            Self::Integer(_) | Self::Label(_) | Self::Null => true,
            Self::List(answers) | Self::Struct(answers) => answers.iter().all(Self::is_finite),
        }
    }
}

/// A column of this type; `None` where something is NULL. An answer of another form is NULL as well.
pub(crate) fn array(data_type: &DataType, answers: &[Option<&Answer>]) -> ArrayRef {
    if let DataType::Struct(fields) = data_type {
        let inner = |answer: &Option<&Answer>| match answer {
            Some(Answer::Struct(inner)) => Some(inner.clone()),
            Some(
                Answer::Double(_) | Answer::Integer(_) | Answer::Label(_) | Answer::List(_) | Answer::Null,
            )
            | None => None,
        };
        let inner: Vec<Option<Vec<Answer>>> = answers.iter().map(inner).collect();
        let of = |place: usize| inner.iter().map(|inner| inner.as_ref()?.get(place)).collect::<Vec<_>>();
        let columns = fields.iter().enumerate().map(|(place, field)| array(field.data_type(), &of(place)));
        let present = NullBuffer::from_iter(inner.iter().map(Option::is_some));
        let made = StructArray::try_new(fields.clone(), columns.collect(), Some(present));
        return made.map_or_else(|_| new_null_array(data_type, answers.len()), |made| Arc::new(made));
    }
    if let DataType::List(field) = data_type {
        let inner = |answer: &Option<&Answer>| match answer {
            Some(Answer::List(inner)) => Some(inner.clone()),
            Some(
                Answer::Double(_) | Answer::Integer(_) | Answer::Label(_) | Answer::Struct(_) | Answer::Null,
            )
            | None => None,
        };
        let lists: Vec<Option<Vec<Answer>>> = answers.iter().map(inner).collect();
        let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.as_ref().map_or(0, Vec::len)));
        let present = NullBuffer::from_iter(lists.iter().map(Option::is_some));
        let items: Vec<Option<&Answer>> = lists.iter().flatten().flatten().map(Some).collect();
        let made =
            ListArray::try_new(Arc::clone(field), offsets, array(field.data_type(), &items), Some(present));
        return made.map_or_else(|_| new_null_array(data_type, answers.len()), |made| Arc::new(made));
    }
    let double = |answer: &Option<&Answer>| match answer {
        Some(Answer::Double(double)) => Some(*double),
        Some(Answer::Integer(_) | Answer::Label(_) | Answer::List(_) | Answer::Null | Answer::Struct(_))
        | None => None,
    };
    let integer = |answer: &Option<&Answer>| match answer {
        Some(Answer::Integer(integer) | Answer::Label(integer)) => Some(*integer),
        Some(Answer::Double(_) | Answer::List(_) | Answer::Null | Answer::Struct(_)) | None => None,
    };
    let made: ArrayRef = if data_type == &DataType::Int64 {
        Arc::new(answers.iter().map(integer).collect::<Int64Array>())
    } else {
        Arc::new(answers.iter().map(double).collect::<Float64Array>())
    };
    if made.data_type() == data_type { made } else { new_null_array(data_type, answers.len()) }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::*;
    use crate::estimator::{Estimator, Method};

    #[test]
    fn an_answer_has_the_type_of_its_method() {
        let term = Answer::Struct(
            [Answer::Label(0)].into_iter().chain([1.5, 0.1, 1.3, 1.7, 0.01].map(Answer::Double)).collect(),
        );
        let counts = [Answer::Integer(40), Answer::Null, Answer::Integer(38)];
        let model = Answer::Struct(counts.into_iter().chain([Answer::List(vec![term])]).collect());
        let data_type = Estimator { method: Method::Linear, columns: 2 }.data_type();
        let made = array(&data_type, &[Some(&model), None, Some(&Answer::Null)]);
        assert_eq!(made.data_type(), &data_type);
        assert_eq!((made.len(), made.null_count()), (3, 2));
        let text = array_value_to_string(&made, 0).unwrap();
        assert!(text.starts_with("{n: 40, events: , dof: 38, terms: [{term: 0, estimate: 1.5,"), "{text}");
    }

    #[test]
    fn where_a_profile_rounds_no_number_of_people_is_left() {
        let exact = Answer::Struct(vec![Answer::Integer(41), Answer::List(vec![Answer::Double(1.2345)])]);
        let short = Answer::Struct(vec![Answer::Null, Answer::List(vec![Answer::Double(1.23)])]);
        assert_eq!(exact.shortened(), Ok(short));
        let nothing = Answer::Struct(vec![Answer::Double(f64::NAN)]);
        assert!(!nothing.is_finite() && nothing.shortened().is_err());
    }
}
