//! Unary and binary operators.

use hcl::edit::expr::{BinaryOp, BinaryOperator, Expression, UnaryOp, UnaryOperator};

use super::expression::Evaluator;
use crate::diagnostic::Diagnostic;
use crate::value::{Number, Type, Value, convert};

type Problems = Vec<Diagnostic>;

impl Evaluator<'_> {
    pub(super) fn unary(&mut self, operation: &UnaryOp) -> Value {
        let kind = match operation.operator.value() {
            UnaryOperator::Neg => Type::Number,
            UnaryOperator::Not => Type::Bool,
        };
        let (given, is_good) = self.checked(&operation.expr);
        let operand = self.operand(&given, &kind, &operation.expr, "unary");
        let Some(operand) = operand.filter(|_| is_good) else { return Value::Unknown(kind) };
        let (operand, marked) = operand.unmark();
        let result = match operand {
            Value::Number(number) => Value::Number(number.negate()),
            Value::Bool(value) => Value::Bool(!value),
            Value::Null(_) => self.null_operand(operation, &kind),
            _ => Value::Unknown(kind),
        };
        result.sensitive_if(marked)
    }

    fn null_operand(&mut self, node: &impl hcl::edit::Span, kind: &Type) -> Value {
        self.operation_failed(node, "an operand is null");
        Value::Unknown(kind.clone())
    }

    fn operation_failed(&mut self, node: &impl hcl::edit::Span, why: &str) {
        let problem = Diagnostic::error("operation-failed", "Operation failed")
            .detail(format!("This cannot be computed: {why}."))
            .at(self.range(node));
        self.fail(problem);
    }

    fn operand(
        &mut self,
        value: &Value,
        kind: &Type,
        expr: &Expression,
        side: &str,
    ) -> Option<Value> {
        let error = match convert(value, kind) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let side = if side == "unary" { "unary operand" } else { side };
        let problem = Diagnostic::error("invalid-operand", "Invalid operand")
            .detail(format!("Unsuitable value for {side}: {error}."))
            .at(self.range(expr));
        self.fail(problem);
        None
    }

    pub(super) fn binary(&mut self, operation: &BinaryOp) -> Value {
        let operator = *operation.operator.value();
        let (wanted, result) = kinds(operator);
        let (left, left_problems) = self.attempt(&operation.lhs_expr);
        let left = self.operand(&left, &wanted, &operation.lhs_expr, "left operand");
        let (right, right_problems) = self.attempt(&operation.rhs_expr);
        let right = self.operand(&right, &wanted, &operation.rhs_expr, "right operand");
        let (Some(left), Some(right)) = (left, right) else {
            self.fail_all(left_problems.into_iter().chain(right_problems));
            return Value::Unknown(result);
        };
        let (left, left_marked) = left.unmark();
        let (right, right_marked) = right.unmark();
        let marked = left_marked || right_marked;
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
            let decisive = operator == BinaryOperator::Or;
            let sides = [(left, left_problems), (right, right_problems)];
            return self.logical(operation, decisive, sides).sensitive_if(marked);
        }
        if !(left_problems.is_empty() && right_problems.is_empty()) {
            self.fail_all(left_problems.into_iter().chain(right_problems));
            return Value::Unknown(result).sensitive_if(marked);
        }
        self.operate(operation, left, right).sensitive_if(marked)
    }

    /// `&&` and `||`: `decisive` is the operand that settles the result alone,
    /// whatever problems the other side has.
    fn logical(
        &mut self,
        operation: &BinaryOp,
        decisive: bool,
        sides: [(&Value, Problems); 2],
    ) -> Value {
        let [(left, left_problems), (right, right_problems)] = sides;
        if left.is_null() || right.is_null() {
            self.fail_all(left_problems.into_iter().chain(right_problems));
            return self.null_operand(operation, &Type::Bool);
        }
        let (a, b) = (left.as_bool(), right.as_bool());
        let (value, problems) = if a == Some(decisive) {
            (Value::Bool(decisive), left_problems)
        } else if b == Some(decisive) {
            (Value::Bool(decisive), right_problems)
        } else if a.is_none() && (b.is_some() || left_problems.is_empty()) {
            (Value::Unknown(Type::Bool), left_problems)
        } else if a.is_none() || b.is_none() {
            let both = left_problems.into_iter().chain(right_problems).collect();
            (Value::Unknown(Type::Bool), both)
        } else {
            let both = left_problems.into_iter().chain(right_problems).collect();
            (Value::Bool(!decisive), both)
        };
        self.fail_all(problems);
        value
    }

    fn operate(&mut self, operation: &BinaryOp, left: &Value, right: &Value) -> Value {
        let operator = *operation.operator.value();
        if matches!(operator, BinaryOperator::Eq | BinaryOperator::NotEq) {
            return equality(left, right, operator == BinaryOperator::Eq);
        }
        let kind = kinds(operator).1;
        if left.is_null() || right.is_null() {
            return self.null_operand(operation, &kind);
        }
        let (Value::Number(a), Value::Number(b)) = (left, right) else {
            return Value::Unknown(kind);
        };
        match calculate(operator, a, b) {
            Ok(value) => value,
            Err(why) => {
                self.operation_failed(operation, why);
                Value::Unknown(kind)
            }
        }
    }
}

/// Returns the type of the operands and of the result.
fn kinds(operator: BinaryOperator) -> (Type, Type) {
    use BinaryOperator::{And, Div, Eq, Minus, Mod, Mul, NotEq, Or, Plus};
    match operator {
        Eq | NotEq => (Type::Dynamic, Type::Bool),
        And | Or => (Type::Bool, Type::Bool),
        Plus | Minus | Mul | Div | Mod => (Type::Number, Type::Number),
        _ => (Type::Number, Type::Bool),
    }
}

fn equality(left: &Value, right: &Value, wanted: bool) -> Value {
    let marked = left.is_null() == right.is_null()
        && (left.contains_sensitive() || right.contains_sensitive());
    let result = match left.deep_revealed().equals(&right.deep_revealed()) {
        Some(equal) => Value::Bool(equal == wanted),
        None => Value::Unknown(Type::Bool),
    };
    result.sensitive_if(marked)
}

fn calculate(operator: BinaryOperator, a: &Number, b: &Number) -> Result<Value, &'static str> {
    use BinaryOperator::{Div, Greater, GreaterEq, Less, LessEq, Minus, Mod, Mul, Plus};
    let number = |result: Option<Number>, why| result.map(Value::Number).ok_or(why);
    match operator {
        Plus => number(a.add(b), "infinities of opposite signs have no sum"),
        Minus => number(a.subtract(b), "infinity less infinity has no result"),
        Mul => number(a.multiply(b), "zero times infinity has no result"),
        Div => number(a.divide(b), "neither zero by zero nor infinity by infinity has a quotient"),
        Mod => number(a.modulo(b), "zero and infinity leave no remainder"),
        Less => Ok(Value::Bool(a < b)),
        LessEq => Ok(Value::Bool(a <= b)),
        Greater => Ok(Value::Bool(a > b)),
        GreaterEq => Ok(Value::Bool(a >= b)),
        _ => Err("the operator does not take numbers"),
    }
}
