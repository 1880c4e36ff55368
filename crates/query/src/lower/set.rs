//! UNION and lists of constants.
//!
//! The records of several relations may stand below each other, whoever they belong to. From which one a
//! record came is a branch that every value carries: a constant in one arm is a CASE in disguise. Records
//! and made-up rows do not mix.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Union, Values};

use crate::algebra::{ColumnId, ColumnInfo, Public, Records, Reference, Scalar, Unit};
use crate::model::{Code, Population, Refusal};

use crate::position::Part;

use super::subquery::public;
use super::{Field, Kind, Lowering, Relation, measure, not_supported};

/// Most parts of one UNION of records: each is a branch of every value.
const MOST_PARTS: usize = 16;

/// A union while its columns are named.
struct United {
    columns: Vec<(ColumnId, DataType)>,
    /// The values of the columns, for each arm.
    rows: Vec<Vec<Scalar>>,
}

impl United {
    /// A union with a first column that tells the arms apart.
    fn new(arm: ColumnId, arms: usize) -> Self {
        let rows = (0_i64..).take(arms).map(|number| vec![Scalar::Literal(ScalarValue::Int64(Some(number)))]);
        Self { columns: vec![(arm, DataType::Int64)], rows: rows.collect() }
    }

    /// For each arm, the predicate that a row came from it.
    fn arms(&self) -> impl Iterator<Item = Scalar> {
        let number = |row: &Vec<Scalar>| row.first().cloned();
        let column = self.columns.first().map(|(id, _)| *id);
        self.rows
            .iter()
            .filter_map(number)
            .filter_map(move |number| Some(Scalar::equal(Scalar::Column(column?), number)))
    }

    fn push(&mut self, id: ColumnId, data_type: DataType, values: Vec<Scalar>) {
        self.columns.push((id, data_type));
        self.rows.iter_mut().zip(values).for_each(|(row, value)| row.push(value));
    }
}

impl Lowering<'_> {
    /// UNION ALL; a UNION is one below a DISTINCT.
    pub(super) fn union(&mut self, union: &Union) -> Result<Relation, Refusal> {
        let inputs = self.without_outer("a UNION", |lowering| {
            union.inputs.iter().map(|input| lowering.relation(input)).collect::<Result<Vec<_>, _>>()
        })?;
        let types: Vec<DataType> =
            union.schema.fields().iter().map(|field| field.data_type().clone()).collect();
        let of_people = inputs.iter().filter(|input| matches!(input.kind, Kind::Records { .. })).count();
        if of_people == inputs.len() {
            return self.union_of_records(inputs, &types);
        }
        if of_people > 0 || inputs.iter().any(|input| matches!(input.kind, Kind::Coded { .. })) {
            let message = "UNION of records with rows that belong to nobody is not allowed";
            let hint = "unite tables of people with tables of people, or statistics with statistics";
            return Err(
                Refusal::new(Code::NotSupported, message, hint).at(self.positions.first(Part::SetOperation))
            );
        }
        self.union_of_public(inputs, &types)
    }

    fn union_of_records(&mut self, inputs: Vec<Relation>, types: &[DataType]) -> Result<Relation, Refusal> {
        if inputs.len() > MOST_PARTS {
            let message = format!("a UNION of records has more than {MOST_PARTS} parts");
            return Err(Refusal::new(Code::TooLarge, message, "join a code table instead"));
        }
        let mut united = United::new(self.hidden(DataType::Int64), inputs.len());
        let mut fields = Vec::new();
        for (place, data_type) in types.iter().enumerate() {
            let column: Vec<&Field> = inputs.iter().filter_map(|input| input.fields.get(place)).collect();
            if column.iter().all(|field| matches!(field, Field::Subject(None))) {
                fields.push(Field::Subject(None));
                continue;
            }
            let values: Option<Vec<Scalar>> = column.into_iter().map(Field::value).collect();
            let Some(values) = values else {
                let hint = "put the subject into the same column of each SELECT";
                return Err(not_supported("UNION of identifiers and something else", hint)
                    .at(self.positions.first(Part::SetOperation)));
            };
            let id = self.united_column(&values, data_type, &mut united)?;
            united.push(id, data_type.clone(), values);
            fields.push(Field::Value(Scalar::Column(id)));
        }
        let sorts = self.sorts(&inputs, &mut united);
        let United { mut columns, mut rows, .. } = united;
        let units = self.common_units(&inputs, &mut columns, &mut rows);
        let parts = inputs.into_iter().zip(rows).filter_map(|(input, row)| match input.kind {
            Kind::Records { node, .. } => Some((node, row)),
            Kind::Coded { .. } | Kind::Public(_) | Kind::Reference(_) => None,
        });
        let node = Records::Union { inputs: parts.collect(), columns, sorts };
        Ok(Relation { kind: Kind::Records { node, units }, fields })
    }

    /// Names a column to which each arm gives a value.
    fn united_column(
        &mut self,
        values: &[Scalar],
        data_type: &DataType,
        united: &mut United,
    ) -> Result<ColumnId, Refusal> {
        let mut info = ColumnInfo::plain(data_type.clone());
        // What is one thing in one arm and another in the next serves as a constant there.
        let origins: BTreeSet<BTreeSet<String>> = values.iter().map(|value| self.origins(value)).collect();
        info.made = origins.len() > 1 || !values.iter().all(|value| measure::is_own(value, &self.columns));
        if !values.iter().all(|value| matches!(value, Scalar::Column(_))) {
            info.arms = united.arms().collect();
        }
        for (arm, value) in values.iter().enumerate() {
            info.grain = info.grain.with(self.columns.grain(value));
            self.spend(value.size().0)?;
            info.origins.extend(self.origins(value));
            info.counted.extend(self.columns.counted(value));
            info.sensitive |= self.columns.is_sensitive(value);
            info.encoded |= !measure::is_simple(value, &self.columns) || self.columns.is_inexact(value);
            info.branches.extend(united.arms().nth(arm));
            for branch in measure::branches(value, &self.columns) {
                info.branches.push(self.in_arm(branch, arm, united));
            }
        }
        Ok(self.columns.add(info))
    }

    /// The predicates that tell sorts of rows apart: the arms, and the sorts in them.
    fn sorts(&mut self, inputs: &[Relation], united: &mut United) -> Vec<Scalar> {
        if !repeats_a_table(inputs) {
            return Vec::new();
        }
        let mut sorts: Vec<Scalar> = united.arms().collect();
        for (arm, input) in inputs.iter().enumerate() {
            if let Kind::Records { node, .. } = &input.kind {
                sorts.extend(node.sorts().into_iter().map(|sort| self.in_arm(sort, arm, united)));
            }
        }
        sorts
    }

    /// Who takes a branch of one arm, as a column of the union.
    fn in_arm(&mut self, branch: Scalar, arm: usize, united: &mut United) -> Scalar {
        let id = self.hidden(DataType::Boolean);
        if self.columns.telling(&branch).inside {
            self.columns.is_harmful(id);
        }
        let nobody = Scalar::Literal(ScalarValue::Boolean(None));
        let value = |place: usize| if place == arm { branch.clone() } else { nobody.clone() };
        united.push(id, DataType::Boolean, (0..united.rows.len()).map(value).collect());
        Scalar::Column(id)
    }

    /// The further protected units that all parts have.
    fn common_units(
        &mut self,
        inputs: &[Relation],
        columns: &mut Vec<(ColumnId, DataType)>,
        rows: &mut [Vec<Scalar>],
    ) -> Vec<ColumnId> {
        let units = |relation: &Relation| match &relation.kind {
            Kind::Records { units, .. } => units.clone(),
            Kind::Coded { .. } | Kind::Public(_) | Kind::Reference(_) => Vec::new(),
        };
        let units: Vec<Vec<Unit>> = inputs.iter().map(|input| self.columns.units(units(input))).collect();
        // Areas stand with areas of the same list, and institutions with institutions.
        let kinds: BTreeSet<Option<&Population>> =
            units.iter().flatten().map(|unit| unit.population.as_ref()).collect();
        let mut common = Vec::new();
        for kind in kinds {
            let of_kind = |units: &[Unit]| -> Vec<ColumnId> {
                let same = units.iter().filter(|unit| unit.population.as_ref() == kind);
                same.map(|unit| unit.column).collect()
            };
            let of_inputs: Vec<Vec<ColumnId>> = units.iter().map(|units| of_kind(units)).collect();
            for place in 0..of_inputs.iter().map(Vec::len).max().unwrap_or(0) {
                let id = self.hidden(DataType::Utf8);
                kind.into_iter().for_each(|kind| self.columns.has_population(id, kind.clone()));
                for (row, units) in rows.iter_mut().zip(&of_inputs) {
                    let unit = units.get(place).map(|unit| Scalar::Column(*unit));
                    row.push(unit.unwrap_or(Scalar::Literal(ScalarValue::Utf8(None))));
                }
                columns.push((id, DataType::Utf8));
                common.push(id);
            }
        }
        common
    }

    fn union_of_public(&mut self, inputs: Vec<Relation>, types: &[DataType]) -> Result<Relation, Refusal> {
        let mut rows: Vec<Vec<Scalar>> = vec![Vec::new(); inputs.len()];
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for (place, data_type) in types.iter().enumerate() {
            let column: Vec<&Field> = inputs.iter().filter_map(|input| input.fields.get(place)).collect();
            let values: Option<Vec<Scalar>> = column.into_iter().map(Field::value).collect();
            let values = values.ok_or_else(|| not_supported("UNION of identifiers", "unite statistics"))?;
            let id = self.hidden(data_type.clone());
            if values.iter().any(|value| self.columns.reads_statistic(value)) {
                self.columns.is_statistic(id);
            }
            columns.push((id, data_type.clone()));
            rows.iter_mut().zip(values).for_each(|(row, value)| row.push(value));
            fields.push(Field::Value(Scalar::Column(id)));
        }
        let references: Option<Vec<Reference>> =
            inputs
                .iter()
                .map(|input| {
                    if let Kind::Reference(reference) = &input.kind { Some(reference.clone()) } else { None }
                })
                .collect();
        let literals = |row: &Vec<Scalar>| row.iter().map(literal).collect::<Option<Vec<_>>>();
        let constants: Option<Vec<_>> = rows.iter().map(literals).collect();
        let nothing = |reference: &Reference| matches!(reference, Reference::Nothing);
        if references.is_some() {
            columns.iter().for_each(|(id, _)| self.columns.is_reference(*id));
        }
        let kind = match references {
            Some(references) if references.iter().all(nothing) && constants.is_some() => {
                Kind::Reference(Reference::Values { columns, rows: constants.unwrap_or_default() })
            }
            Some(references) => Kind::Reference(Reference::Union {
                inputs: references.into_iter().zip(rows).collect(),
                columns,
            }),
            None => {
                let parts = inputs.into_iter().filter_map(|input| public(input.kind));
                Kind::Public(Public::Union { inputs: parts.zip(rows).collect(), columns })
            }
        };
        Ok(Relation { kind, fields })
    }

    /// A list of constants.
    pub(super) fn values(&mut self, values: &Values) -> Result<Relation, Refusal> {
        let mut columns = Vec::new();
        for field in values.schema.fields() {
            let id = self.hidden(field.data_type().clone());
            self.columns.is_reference(id);
            columns.push((id, field.data_type().clone()));
        }
        let mut rows = Vec::new();
        for row in &values.values {
            self.spend(row.len())?;
            rows.push(row.iter().map(constant).collect::<Result<Vec<_>, _>>()?);
        }
        let fields = columns.iter().map(|(id, _)| Field::Value(Scalar::Column(*id))).collect();
        Ok(Relation { kind: Kind::Reference(Reference::Values { columns, rows }), fields })
    }
}

/// Whether a table is in several inputs, so that some of its records may be among the rows more often than
/// others.
fn repeats_a_table(inputs: &[Relation]) -> bool {
    let mut seen = BTreeSet::new();
    inputs.iter().any(|input| {
        let Kind::Records { node, .. } = &input.kind else { return false };
        let tables = node.tables();
        let repeated = !seen.is_disjoint(&tables) || !node.sorts().is_empty();
        seen.extend(tables);
        repeated
    })
}

fn literal(scalar: &Scalar) -> Option<ScalarValue> {
    if let Scalar::Literal(value) = scalar { Some(value.clone()) } else { None }
}

impl Field {
    /// The value, where it is no identifier.
    fn value(&self) -> Option<Scalar> {
        match self {
            Self::Identifier | Self::Subject(_) => None,
            Self::Value(value) => Some(value.clone()),
        }
    }
}

/// A constant of a list, cast as its column is.
pub(super) fn constant(expr: &Expr) -> Result<ScalarValue, Refusal> {
    let refusal =
        || not_supported("a list with something that is no constant", "write numbers, texts and dates");
    if let Expr::Alias(alias) = expr {
        constant(&alias.expr)
    } else if let Expr::Cast(cast) = expr {
        constant(&cast.expr)?.cast_to(cast.field.data_type()).map_err(|_| refusal())
    } else if let Expr::Negative(inner) = expr {
        constant(inner)?.arithmetic_negate().map_err(|_| refusal())
    } else if let Expr::Literal(value, _) = expr {
        Ok(value.clone())
    } else {
        Err(refusal())
    }
}
