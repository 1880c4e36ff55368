//! What SQL can name: the granted tables and columns of one project, the code lists that came with the
//! analysis, and the listed functions.
//!
//! There is no catalogue of the engine behind it: no information_schema, no file tables, no table
//! functions, no variables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{self, DFSchema, DataFusionError, TableReference};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{
    AggregateUDF, Expr, GetFieldAccess, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF,
};

use crate::functions;
use crate::items;
use crate::lists::{self, List, Ranges};
use crate::model::{Code, Column, ColumnClass, ColumnType, Dataset, Refusal, Table, TableGrant, TableKind};

/// The tables that one project may name.
pub(crate) struct Catalog {
    dataset: String,
    tables: BTreeMap<String, Arc<GrantedTable>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: ConfigOptions,
}

/// A table of the dataset with those columns that were granted, or a code list.
#[derive(Debug)]
pub(crate) struct GrantedTable {
    pub(crate) name: String,
    pub(crate) kind: TableKind,
    pub(crate) columns: Vec<Column>,
    /// How many rows it has, if it is a list that the analyst chose: joining it is like writing those rows
    /// into the text.
    pub(crate) list_rows: Option<usize>,
    /// Of such a list, the columns in which no value stands twice.
    pub(crate) unique: BTreeSet<String>,
    /// Of such a list, the pairs of columns that are the ends of ranges which do not overlap.
    pub(crate) ranges: BTreeMap<(String, String), Ranges>,
    schema: SchemaRef,
}

impl Catalog {
    /// The part of `dataset` that `grants` names, and the lists.
    ///
    /// # Errors
    /// `LIST_NOT_ALLOWED` if a list is named like a granted table.
    pub(crate) fn new(dataset: &Dataset, grants: &[TableGrant], lists: &[List]) -> Result<Self, Refusal> {
        let granted = |table: &Table| {
            let grant = grants.iter().find(|grant| grant.table == table.name)?;
            Some((table.name.clone(), Arc::new(GrantedTable::new(table, grant))))
        };
        let mut tables: BTreeMap<_, _> = dataset.tables.iter().filter_map(granted).collect();
        for list in lists {
            let table = Arc::new(GrantedTable::of_list(list));
            if tables.insert(list.name.clone(), table).is_some() {
                let message =
                    format!("the code list `{}` has the name of a table of this project", list.name);
                return Err(Refusal::new(Code::ListNotAllowed, message, "give it another name"));
            }
        }
        Ok(Self {
            dataset: dataset.id.to_string(),
            tables,
            planners: planners(),
            options: ConfigOptions::default(),
        })
    }

    /// The same catalogue with identifiers of another type.
    pub(crate) fn with_identifiers_as(&self, data_type: &DataType) -> Self {
        let retyped = |table: &Arc<GrantedTable>| Arc::new(table.with_identifiers_as(data_type));
        Self {
            dataset: self.dataset.clone(),
            tables: self.tables.iter().map(|(name, table)| (name.clone(), retyped(table))).collect(),
            planners: self.planners.clone(),
            options: self.options.clone(),
        }
    }

    /// The table that SQL names `reference`: a granted one plainly or by dataset, a list plainly.
    pub(crate) fn table(&self, reference: &TableReference) -> Option<&Arc<GrantedTable>> {
        let of_dataset = reference.schema().is_none_or(|schema| schema == self.dataset);
        if reference.catalog().is_some() || !of_dataset {
            return None;
        }
        let table = self.tables.get(reference.table())?;
        (reference.schema().is_none() || table.list_rows.is_none()).then_some(table)
    }

    /// The names of the granted tables.
    pub(crate) fn table_names(&self) -> Vec<&str> {
        self.tables.keys().map(String::as_str).collect()
    }
}

impl Catalog {
    /// The columns, as `table.column`, of which nobody may know somebody's value: codes, what is declared
    /// sensitive, and quantities. What is known of people by others (sex, year of birth, area, dates) is not
    /// among them.
    pub(crate) fn attributes(&self) -> BTreeSet<String> {
        let of_people = self.tables.values().filter(|table| table.kind == TableKind::Subject);
        let confidential =
            |column: &&Column| column.code || column.sensitive || column.class == ColumnClass::Measure;
        let of_table = |table: &Arc<GrantedTable>| {
            let columns = table.columns.iter().filter(confidential);
            columns.map(|column| format!("{}.{}", table.name, column.name)).collect::<Vec<_>>()
        };
        of_people.flat_map(of_table).collect()
    }
}

impl GrantedTable {
    fn new(table: &Table, grant: &TableGrant) -> Self {
        let may_read = |column: &&Column| {
            let named = grant.columns.as_ref().is_none_or(|names| names.contains(&column.name));
            named || column.class == ColumnClass::Subject
        };
        let columns: Vec<Column> = table.columns.iter().filter(may_read).cloned().collect();
        let field = |column: &Column| {
            let nullable = column.class != ColumnClass::Subject;
            Field::new(&column.name, arrow_type(column.data_type), nullable)
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Self {
            name: table.name.clone(),
            kind: table.kind,
            columns,
            list_rows: None,
            unique: BTreeSet::new(),
            ranges: BTreeMap::new(),
            schema,
        }
    }

    fn of_list(list: &List) -> Self {
        let schema = list.batch.schema();
        let column = |field: &Arc<Field>| Column {
            name: field.name().clone(),
            description: String::new(),
            class: ColumnClass::Dimension,
            data_type: if *field.data_type() == DataType::Int64 {
                ColumnType::Integer
            } else {
                ColumnType::Text
            },
            values: None,
            isolating: None,
            sensitive: false,
            code: true,
            geography: None,
            population: None,
        };
        Self {
            name: list.name.clone(),
            kind: TableKind::Code,
            columns: schema.fields().iter().map(column).collect(),
            list_rows: Some(list.batch.num_rows()),
            unique: unique_columns(&list.batch),
            ranges: lists::ranges(&list.batch),
            schema,
        }
    }

    fn with_identifiers_as(&self, data_type: &DataType) -> Self {
        let field = |(column, field): (&Column, &Arc<Field>)| match column.class {
            ColumnClass::Identifier | ColumnClass::Subject => {
                Arc::new(field.as_ref().clone().with_data_type(data_type.clone()))
            }
            ColumnClass::Date | ColumnClass::Dimension | ColumnClass::Measure | ColumnClass::Unit { .. } => {
                Arc::clone(field)
            }
        };
        let fields: Vec<_> = self.columns.iter().zip(self.schema.fields()).map(field).collect();
        Self {
            name: self.name.clone(),
            kind: self.kind,
            columns: self.columns.clone(),
            list_rows: self.list_rows,
            unique: self.unique.clone(),
            ranges: self.ranges.clone(),
            schema: Arc::new(Schema::new(fields)),
        }
    }
}

/// The engine's own, and one for the parts of what a model says and for lists.
fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    let mut planners = SessionStateDefaults::default_expr_planners();
    planners.push(Arc::new(Parts));
    planners
}

/// Plans `model['n']`, `bins[1]` and `[1, 2]` as the functions that they stand for.
#[derive(Debug)]
struct Parts;

impl ExprPlanner for Parts {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        _schema: &DFSchema,
    ) -> common::Result<PlannerResult<RawFieldAccessExpr>> {
        let of = access.expr.clone();
        Ok(match (&access.field_access, functions::scalar(functions::PART_OF)) {
            (GetFieldAccess::NamedStructField { name }, Some(part)) => {
                PlannerResult::Planned(part.call(vec![of, Expr::Literal(name.clone(), None)]))
            }
            (GetFieldAccess::ListIndex { key }, _) => {
                PlannerResult::Planned(items::numbered(of, key.as_ref().clone()))
            }
            (GetFieldAccess::NamedStructField { .. } | GetFieldAccess::ListRange { .. }, _) => {
                PlannerResult::Original(access)
            }
        })
    }

    fn plan_array_literal(
        &self,
        items: Vec<Expr>,
        _schema: &DFSchema,
    ) -> common::Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(items::together(items)))
    }
}

/// The columns of a list in which no value stands twice.
fn unique_columns(batch: &RecordBatch) -> BTreeSet<String> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let is_unique = |values: &ArrayRef| {
        let texts: Option<BTreeSet<String>> =
            (0..values.len()).map(|row| array_value_to_string(values, row).ok()).collect();
        texts.is_some_and(|texts| texts.len() == values.len())
    };
    columns.filter(|(_, values)| is_unique(values)).map(|(field, _)| field.name().clone()).collect()
}

/// The Arrow type in which the vault stores a column.
fn arrow_type(column: ColumnType) -> DataType {
    match column {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Decimal { precision, scale } => {
            DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(i8::MAX))
        }
        ColumnType::DenseId => DataType::UInt32,
        ColumnType::Double => DataType::Float64,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Text => DataType::Utf8,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

impl TableSource for GrantedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl ContextProvider for Catalog {
    fn get_table_source(&self, name: TableReference) -> common::Result<Arc<dyn TableSource>> {
        match self.table(&name) {
            Some(table) => Ok(Arc::clone(table) as Arc<dyn TableSource>),
            None => Err(DataFusionError::Plan(format!("no table `{name}`"))),
        }
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::scalar(name)
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions::aggregate(name)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        functions::window(name)
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        functions::allowed_functions().into_iter().map(str::to_owned).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
