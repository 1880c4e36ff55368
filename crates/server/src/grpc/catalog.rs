//! `CatalogService`.

use sekisho_model::{Column, ColumnClass, GeographyLevel, Isolating, Project, Table, TableKind};
use sekisho_service::{Budget, Catalog, Service, Spent};
use sekisho_wire::v1;
use sekisho_wire::v1::catalog_service_server::CatalogService;
use tonic::{Request, Response, Status};

use super::{status, token};

/// The adapter.
pub(crate) struct CatalogDoor(pub(crate) Service);

#[tonic::async_trait]
impl CatalogService for CatalogDoor {
    async fn list_projects(
        &self,
        request: Request<v1::ListProjectsRequest>,
    ) -> Result<Response<v1::ListProjectsResponse>, Status> {
        let projects = self.0.projects(&token(&request)).await.map_err(|problem| status(&problem))?;
        Ok(Response::new(v1::ListProjectsResponse { projects: projects.iter().map(project).collect() }))
    }

    async fn get_catalog(
        &self,
        request: Request<v1::GetCatalogRequest>,
    ) -> Result<Response<v1::Catalog>, Status> {
        let catalog = self.0.catalog(&token(&request), &request.get_ref().parent).await;
        catalog.map(|catalog| Response::new(document(catalog))).map_err(|problem| status(&problem))
    }

    async fn get_budget(
        &self,
        request: Request<v1::GetBudgetRequest>,
    ) -> Result<Response<v1::Budget>, Status> {
        let parent = &request.get_ref().parent;
        let budget = self.0.budget(&token(&request), parent).await.map_err(|problem| status(&problem))?;
        Ok(Response::new(spending(parent, budget)))
    }
}

fn document(catalog: Catalog) -> v1::Catalog {
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    v1::Catalog {
        project: Some(project(&catalog.project)),
        snapshot: catalog.snapshot.to_string(),
        tables: catalog.dataset.tables.iter().map(table).collect(),
        functions: names(catalog.functions),
        rules: catalog.rules,
        aggregate_functions: names(catalog.aggregate_functions),
        window_functions: names(catalog.window_functions),
        profile_toml: catalog.profile,
    }
}

fn spending(parent: &str, budget: Budget) -> v1::Budget {
    let spent = |Spent { attribute, used, worth }| v1::Spent { attribute, used, worth };
    v1::Budget {
        project: parent.to_owned(),
        snapshot: budget.snapshot.to_string(),
        profile: budget.policy.profile,
        max_leverage: budget.max_leverage,
        share: budget.share,
        attributes: budget.attributes.into_iter().map(spent).collect(),
    }
}

fn project(project: &Project) -> v1::Project {
    v1::Project {
        name: format!("projects/{}", project.id),
        title: project.title.clone(),
        dataset: project.dataset.to_string(),
        profile: project.profile.clone(),
    }
}

fn table(table: &Table) -> v1::Table {
    v1::Table {
        name: table.name.clone(),
        description: table.description.clone(),
        personal: table.kind == TableKind::Subject,
        columns: table.columns.iter().map(column).collect(),
    }
}

fn column(column: &Column) -> v1::Column {
    let class = match &column.class {
        ColumnClass::Date => "date",
        ColumnClass::Dimension => "dimension",
        ColumnClass::Identifier => "identifier",
        ColumnClass::Measure => "measure",
        ColumnClass::Subject => "subject",
        ColumnClass::Unit { .. } => "unit",
    };
    let unit = match &column.class {
        ColumnClass::Unit { kind } => kind.clone(),
        ColumnClass::Date
        | ColumnClass::Dimension
        | ColumnClass::Identifier
        | ColumnClass::Measure
        | ColumnClass::Subject => String::new(),
    };
    let population = column.population.as_ref();
    v1::Column {
        name: column.name.clone(),
        description: column.description.clone(),
        r#type: column.data_type.name(),
        class: class.to_owned(),
        values: column.values.clone().unwrap_or_default(),
        isolating: column.isolating.map(isolating),
        sensitive: column.sensitive,
        code: column.code,
        unit,
        geography: column.geography.map(GeographyLevel::name).unwrap_or_default().to_owned(),
        population: population.map(|at| format!("{}.{}", at.table, at.column)).unwrap_or_default(),
    }
}

fn isolating(isolating: Isolating) -> v1::Isolating {
    let (step, declared) = match isolating {
        Isolating::Declared(step) => (step.to_string(), true),
        Isolating::Found(step) => (step.to_string(), false),
        Isolating::Unknown => (String::new(), false),
    };
    v1::Isolating { step, declared }
}
