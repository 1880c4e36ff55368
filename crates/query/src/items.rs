//! Lists and structures of which each part is an expression of its own: what a summary says, and the constants of its
//! call.
//!
//! Parts are looked up in the plan, so that a blank among them blanks what reads it and nothing else. The engine makes
//! a list only where one is asked for as a whole.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::functions::core::named_struct;
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::algebra::Scalar;
use crate::functions;

/// The function that makes a list, as SQL names it.
pub(crate) const LIST: &str = "make_array";

/// The function that takes an item of a list, as the planner names it.
pub(crate) const ITEM: &str = "array_element";

static LIST_FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(List { signature: Signature::user_defined(Volatility::Immutable) }))
});

static ITEM_FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(Item { signature: Signature::user_defined(Volatility::Immutable) }))
});

/// The function that makes a list. No value of a record may be in one: the call of a summary takes it away.
pub(crate) fn list() -> Arc<ScalarUDF> {
    Arc::clone(&LIST_FUNCTION)
}

/// A list of these items, which have one type.
pub(crate) fn listed(items: Vec<Scalar>) -> Scalar {
    Scalar::Function { function: list(), args: items }
}

/// The items of a list, where they are known.
pub(crate) fn items(list: &Scalar) -> Option<&[Scalar]> {
    let Scalar::Function { function, args } = list else { return None };
    (function.name() == LIST).then_some(args)
}

/// The item of a list, as the planner asks for it.
pub(crate) fn numbered(list: Expr, number: Expr) -> Expr {
    ITEM_FUNCTION.call(vec![list, number])
}

/// The item of a number, from 1, where both are known.
pub(crate) fn item<'a>(list: &'a Scalar, number: &Expr) -> Option<&'a Scalar> {
    let Expr::Literal(ScalarValue::Int64(Some(number)), _) = number else { return None };
    items(list)?.get(usize::try_from(number.checked_sub(1)?).ok()?)
}

/// What is written in the call of a list.
pub(crate) fn written(list: &Expr) -> Option<&[Expr]> {
    if let Expr::Alias(alias) = list {
        return written(&alias.expr);
    }
    let Expr::ScalarFunction(call) = list else { return None };
    (call.func.name() == LIST).then_some(&call.args)
}

/// A structure of these parts.
pub(crate) fn structure(parts: impl IntoIterator<Item = (String, Scalar)>) -> Scalar {
    let named = |(name, part)| [Scalar::Literal(ScalarValue::Utf8(Some(name))), part];
    Scalar::Function { function: named_struct(), args: parts.into_iter().flat_map(named).collect() }
}

/// A part of a structure: the part itself where it is known.
pub(crate) fn part(structure: &Scalar, name: &str) -> Option<Scalar> {
    if let Scalar::Function { function, args } = structure
        && function.name() == named_struct().name()
    {
        let mut parts = args.chunks_exact(2).filter_map(|pair| pair.first().zip(pair.last()));
        let named =
            |(of, _): &(&Scalar, &Scalar)| matches!(of, Scalar::Literal(of) if text(of) == Some(name));
        return parts.find(named).map(|(_, part)| part.clone());
    }
    let args = vec![structure.clone(), Scalar::Literal(ScalarValue::from(name))];
    Some(Scalar::Function { function: functions::scalar(functions::PART_OF)?, args })
}

/// What a constant text says.
pub(crate) fn text(constant: &ScalarValue) -> Option<&str> {
    constant.try_as_str().flatten()
}

/// An expression for each item of a list, as the engine lists them.
pub(crate) fn together(items: Vec<Expr>) -> Expr {
    list().call(items)
}

/// The type of a list.
pub(crate) fn list_type(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct List {
    signature: Signature,
}

impl ScalarUDFImpl for List {
    fn name(&self) -> &str {
        LIST
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match type_union_resolution(types) {
            Some(common) => Ok(vec![common; types.len()]),
            None => plan_err!("a list takes constants of one type"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(item) => Ok(list_type(item.clone())),
            None => plan_err!("a list has one constant at least"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::List(field) = args.return_field.data_type() else {
            return exec_err!("a list has another type");
        };
        let rows = args.number_rows;
        let items = args.args.iter().map(|item| item.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let arrays: Vec<_> = items.iter().map(AsRef::as_ref).collect();
        let places: Vec<(usize, usize)> =
            (0..rows).flat_map(|row| (0..arrays.len()).map(move |item| (item, row))).collect();
        let lengths = std::iter::repeat_n(arrays.len(), rows);
        let values = interleave(&arrays, &places)?;
        let lists = ListArray::try_new(Arc::clone(field), OffsetBuffer::from_lengths(lengths), values, None)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

#[derive(Debug, Eq, Hash, PartialEq)]
struct Item {
    signature: Signature,
}

impl ScalarUDFImpl for Item {
    fn name(&self) -> &str {
        ITEM
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.return_type(types).map(|_| types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::List(item), DataType::Int64] => Ok(item.data_type().clone()),
            _ => plan_err!("an item is named by its number, and of a list"),
        }
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("an item of a list is looked up in the plan")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_structure_that_is_known_is_looked_up_in_the_plan() {
        let one = Scalar::Literal(ScalarValue::Int64(Some(1)));
        let known = structure([("lower".to_owned(), one.clone())]);
        assert_eq!(part(&known, "lower"), Some(one.clone()));
        assert_eq!(part(&known, "upper"), None);
        assert!(matches!(part(&one, "n"), Some(Scalar::Function { .. })));
        assert_eq!(items(&listed(vec![one.clone()])), Some([one.clone()].as_slice()));
        assert_eq!(items(&one), None);
    }

    #[test]
    fn constants_of_a_list_have_one_type() {
        let types = |types: &[DataType]| list().coerce_types(types).ok();
        assert_eq!(types(&[DataType::Int64, DataType::Float64]), Some(vec![DataType::Float64; 2]));
        assert_eq!(types(&[DataType::Date32, DataType::Boolean]), None);
        assert_eq!(types(&[]), None);
    }
}
