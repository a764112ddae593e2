//! A compiled template, and what rendering it gives.

use crate::error::{RenderError, TemplateError, position};
use crate::limits::{Limits, TEMPLATE_BYTES_MAX};
use crate::message::{Data, Message, Overrides};
use crate::parser::Parser;
use crate::render::Machine;
use crate::tree::{Block, Macros, Names, Node, RESERVED};

/// Whose templates these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Velocity 1.7.
    Velocity,
    /// Velocity 1.7 as API Gateway runs it.
    ApiGateway,
}

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    text: Box<str>,
    block: Block,
    names: Names,
    macros: Macros,
    dialect: Dialect,
}

/// What a template made.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    pub text: String,
    /// Those that came in, with what this template set.
    pub overrides: Overrides,
}

impl Template {
    /// A mapping template of API Gateway.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        Self::compile_as(text, Dialect::ApiGateway)
    }

    pub fn compile_as(text: &str, dialect: Dialect) -> Result<Self, TemplateError> {
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("The template is longer than {TEMPLATE_BYTES_MAX} bytes");
            return Err(TemplateError { line: 1, column: 1, message });
        }
        let (mut names, mut macros) = (Names::default(), Macros::new());
        for name in RESERVED {
            names.slot(name);
        }
        let (names_of, macros_of) = (&mut names, &mut macros);
        let mut parser =
            Parser { text, at: 0, names: names_of, macros: macros_of, dialect, depth: 0, outer: None };
        let block = parser.template()?;
        Ok(Self { text: text.into(), block, names, macros, dialect })
    }

    /// The result, if it is the same whatever the template is about.
    pub fn constant(&self) -> Option<&str> {
        match &*self.block {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Renders a mapping template.
    pub fn render(
        &self,
        message: &dyn Message,
        overrides: &Overrides,
        limits: &Limits,
    ) -> Result<Rendered, RenderError> {
        let mut machine = Machine::new(&self.names, &self.macros, self.dialect, limits);
        let rendered = machine.introduce(message, overrides).and_then(|()| machine.run(&self.block));
        let settled = rendered.and_then(|()| machine.settle(overrides));
        match settled {
            Ok(overrides) => Ok(Rendered { text: machine.into_text(), overrides }),
            Err(fault) => Err(self.located(machine.at(), fault)),
        }
    }

    /// Renders a template about plain variables.
    pub fn merge(&self, variables: &[(&str, Data)], limits: &Limits) -> Result<String, RenderError> {
        let mut machine = Machine::new(&self.names, &self.macros, self.dialect, limits);
        let rendered = machine.define(variables).and_then(|()| machine.run(&self.block));
        match rendered {
            Ok(()) => Ok(machine.into_text()),
            Err(fault) => Err(self.located(machine.at(), fault)),
        }
    }

    fn located(&self, at: usize, fault: crate::Fault) -> RenderError {
        let (line, column) = position(&self.text, at);
        RenderError { line, column, fault }
    }
}
