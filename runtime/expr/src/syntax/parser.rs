//! Tokens to a tree, by precedence climbing (Pratt, "Top down operator precedence", 1973).

use crate::error::{Error, Span};
use crate::syntax::ast::{Argument, BinaryOp, Expr, Ident, Node, chained};
use crate::syntax::lexer::{Tag, Token, TokenKind, tokens};
use crate::syntax::name::Quoted;

/// The greatest number of bytes of an expression.
pub const MAX_LENGTH: usize = 16 * 1024;
/// How deep an expression's parts may lie in one another.
pub const MAX_DEPTH: usize = 64;

/// How strongly operators bind; comparisons do not chain.
pub(crate) mod power {
    use crate::syntax::ast::BinaryOp;

    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const COMPARISON: u8 = 4;
    pub const SUM: u8 = 5;
    pub const PRODUCT: u8 = 6;
    pub const SIGN: u8 = 7;
    pub const PRIMARY: u8 = 8;

    pub const fn of(op: BinaryOp) -> u8 {
        match op {
            BinaryOp::Add | BinaryOp::Sub => SUM,
            BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => PRODUCT,
            _ => COMPARISON,
        }
    }
}

/// The tree of a whole text.
///
/// # Errors
/// Where the text departs from the grammar, or is longer than [`MAX_LENGTH`] or deeper than [`MAX_DEPTH`].
pub(crate) fn parse(text: &str) -> Result<Expr, Error> {
    let mut parser = Parser::new(text)?;
    let expr = parser.expression(power::OR)?;
    parser.end()?;
    Ok(expr)
}

/// The tree of a text that stands for one argument, which may be `*` and have an `as`, but no name.
pub(crate) fn parse_argument(text: &str) -> Result<Argument, Error> {
    let mut parser = Parser::new(text)?;
    let start = parser.span().start;
    let value = parser.star_or_expression()?;
    let argument = parser.with_alias(start, None, value)?;
    parser.end()?;
    Ok(argument)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// How many calls of `expression` are open.
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Parser, Error> {
        if text.len() > MAX_LENGTH {
            let message = format!("this expression has {} bytes; the most is {MAX_LENGTH}", text.len());
            return Err(Error::new(0..1, message));
        }
        Ok(Parser { tokens: tokens(text)?, at: 0, depth: 0 })
    }

    fn kind(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span.clone()
    }

    /// Where the token before this one ends.
    fn last_end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |last| self.tokens[last].span.end)
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.kind(), TokenKind::Symbol(found) | TokenKind::Keyword(found) if *found == symbol)
    }

    /// Reads on behind this symbol or keyword if it is next.
    fn skip(&mut self, symbol: &str) -> bool {
        let next = self.is(symbol);
        self.at += usize::from(next);
        next
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Error> {
        if self.skip(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn unexpected(&self, expected: &str) -> Error {
        Error::new(self.span(), format!("expected {expected}, found {}", describe(self.kind())))
    }

    fn end(&self) -> Result<(), Error> {
        if *self.kind() == TokenKind::End { Ok(()) } else { Err(self.unexpected("an operator or the end")) }
    }

    fn node(&self, start: usize, node: Node) -> Result<Expr, Error> {
        let expr = Expr::new(node, start..self.last_end());
        if expr.depth > MAX_DEPTH { Err(too_deep(expr.span)) } else { Ok(expr) }
    }

    /// An expression whose operators bind at least that strongly.
    fn expression(&mut self, least: u8) -> Result<Expr, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        let start = self.span().start;
        let mut left = self.prefix(least)?;
        while let Some(operator) = self.operator(least) {
            left = self.infix(start, left, operator)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self, least: u8) -> Result<Expr, Error> {
        let start = self.span().start;
        if self.is("not") && least > power::NOT {
            let error = self.unexpected("a value");
            return Err(error.help("put `not ...` in parentheses"));
        }
        if self.skip("not") {
            let operand = self.expression(power::NOT)?;
            return self.node(start, Node::Not(Box::new(operand)));
        }
        if self.skip("-") {
            let operand = self.expression(power::SIGN)?;
            return self.node(start, Node::Neg(Box::new(operand)));
        }
        let mut primary = self.primary()?;
        while let TokenKind::Tags(tags) = self.kind() {
            let tags = tags.clone();
            let span = self.span();
            self.at += 1;
            primary = self.filtered(primary, &tags, span)?;
        }
        Ok(primary)
    }

    /// The infix operator that is next, if it binds at least that strongly.
    fn operator(&self, least: u8) -> Option<Infix> {
        let (TokenKind::Symbol(word) | TokenKind::Keyword(word)) = self.kind() else { return None };
        let infix = match *word {
            "or" => Infix::Or,
            "and" => Infix::And,
            "not" | "like" | "in" | "between" | "is" => Infix::Word,
            "=" | "==" => Infix::Binary(BinaryOp::Eq),
            "!=" | "<>" => Infix::Binary(BinaryOp::Ne),
            "<" => Infix::Binary(BinaryOp::Lt),
            "<=" => Infix::Binary(BinaryOp::Le),
            ">" => Infix::Binary(BinaryOp::Gt),
            ">=" => Infix::Binary(BinaryOp::Ge),
            "+" => Infix::Binary(BinaryOp::Add),
            "-" => Infix::Binary(BinaryOp::Sub),
            "*" => Infix::Binary(BinaryOp::Mul),
            "/" => Infix::Binary(BinaryOp::Div),
            "%" => Infix::Binary(BinaryOp::Rem),
            _ => return None,
        };
        (infix.power() >= least).then_some(infix)
    }

    fn infix(&mut self, start: usize, left: Expr, operator: Infix) -> Result<Expr, Error> {
        match operator {
            Infix::Or => self.chain(start, left, "or", power::AND, Node::Or),
            Infix::And => self.chain(start, left, "and", power::NOT, Node::And),
            Infix::Word => self.word_comparison(start, left),
            Infix::Binary(op) => {
                self.at += 1;
                let right = self.expression(operator.power() + 1)?;
                let node = Node::Binary(op, Box::new([left, right]));
                if op.is_comparison() { self.unchained(start, node) } else { self.node(start, node) }
            }
        }
    }

    /// All that `word` links.
    fn chain(
        &mut self,
        start: usize,
        left: Expr,
        word: &str,
        power: u8,
        node: fn(Vec<Expr>) -> Node,
    ) -> Result<Expr, Error> {
        let mut items = vec![left];
        while self.skip(word) {
            items.push(self.expression(power)?);
        }
        self.node(start, node(items))
    }

    /// `[not] like`, `[not] in`, `[not] between`, `is [not] null`
    fn word_comparison(&mut self, start: usize, left: Expr) -> Result<Expr, Error> {
        let value = Box::new(left);
        if self.skip("is") {
            let negated = self.skip("not");
            self.expect("null")?;
            return self.unchained(start, Node::IsNull { negated, value });
        }
        let negated = self.skip("not");
        let node = if self.skip("like") {
            Node::Like { negated, operands: Box::new([*value, self.expression(power::SUM)?]) }
        } else if self.skip("between") {
            let low = self.expression(power::SUM)?;
            self.expect("and")?;
            Node::Between { negated, operands: Box::new([*value, low, self.expression(power::SUM)?]) }
        } else if self.skip("in") {
            self.expect("(")?;
            let list = self.list()?;
            Node::In { negated, value, list }
        } else {
            return Err(self.unexpected("`like`, `in` or `between` after `not`"));
        };
        self.unchained(start, node)
    }

    /// A comparison, which no other may follow.
    fn unchained(&mut self, start: usize, node: Node) -> Result<Expr, Error> {
        match self.operator(power::COMPARISON).filter(|next| next.power() == power::COMPARISON) {
            Some(_) => Err(chained(self.span())),
            None => self.node(start, node),
        }
    }

    /// Expressions up to the closing parenthesis.
    fn list(&mut self) -> Result<Vec<Expr>, Error> {
        let mut items = vec![self.expression(power::OR)?];
        while self.skip(",") {
            items.push(self.expression(power::OR)?);
        }
        self.closing()?;
        Ok(items)
    }

    fn closing(&mut self) -> Result<(), Error> {
        if self.skip(")") { Ok(()) } else { Err(self.unexpected("`,`, `)` or an operator")) }
    }

    fn primary(&mut self) -> Result<Expr, Error> {
        let token = self.tokens[self.at].clone();
        let start = token.span.start;
        let node = match token.kind {
            TokenKind::Name(name) => return self.name_or_call(Ident { text: name, span: token.span }),
            TokenKind::Integer(number) => Node::Integer(number),
            TokenKind::Float(number) => Node::Float(number),
            TokenKind::Text(text) => Node::Text(text),
            TokenKind::Duration(ns) => Node::Duration(ns),
            TokenKind::Keyword("true") => Node::Boolean(true),
            TokenKind::Keyword("false") => Node::Boolean(false),
            TokenKind::Keyword("null") => Node::Null,
            TokenKind::Keyword("case") => return self.case(),
            TokenKind::Keyword("cast") => return self.cast(),
            TokenKind::Symbol("(") => {
                self.at += 1;
                let mut items = self.list()?;
                let node = if items.len() > 1 { Node::List(items) } else { Node::Paren(Box::new(items.remove(0))) };
                return self.node(start, node);
            }
            TokenKind::Keyword(word) => {
                let help = format!("`{word}` is a word of the grammar; a name goes in double quotes: {}", Quoted(word));
                return Err(self.unexpected("a name or a value").help(help));
            }
            _ => return Err(self.unexpected("a name or a value")),
        };
        self.at += 1;
        self.node(start, node)
    }

    fn name_or_call(&mut self, name: Ident) -> Result<Expr, Error> {
        self.at += 1;
        let start = name.span.start;
        if !self.skip("(") {
            return self.node(start, Node::Name(name.text));
        }
        let mut arguments = Vec::new();
        if !self.skip(")") {
            arguments.push(self.argument()?);
            while self.skip(",") {
                arguments.push(self.argument()?);
            }
            self.closing()?;
        }
        self.node(start, Node::Call { name, arguments })
    }

    fn argument(&mut self) -> Result<Argument, Error> {
        let token = self.tokens[self.at].clone();
        let named = matches!(self.tokens.get(self.at + 1), Some(next) if next.kind == TokenKind::Symbol("="));
        let name = match token.kind {
            TokenKind::Name(text) if named => {
                self.at += 2;
                Some(Ident { text, span: token.span.clone() })
            }
            _ => None,
        };
        let value = self.star_or_expression()?;
        self.with_alias(token.span.start, name, value)
    }

    fn star_or_expression(&mut self) -> Result<Expr, Error> {
        let span = self.span();
        if self.skip("*") { Ok(Expr::new(Node::Star, span)) } else { self.expression(power::OR) }
    }

    fn with_alias(&mut self, start: usize, name: Option<Ident>, value: Expr) -> Result<Argument, Error> {
        let alias = if self.skip("as") { Some(self.ident()?) } else { None };
        Ok(Argument { name, value, alias, span: start..self.last_end() })
    }

    fn ident(&mut self) -> Result<Ident, Error> {
        let span = self.span();
        match self.kind().clone() {
            TokenKind::Name(text) => {
                self.at += 1;
                Ok(Ident { text, span })
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    fn case(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        self.expect("case")?;
        let operand = if self.is("when") { None } else { Some(Box::new(self.expression(power::OR)?)) };
        let mut arms = Vec::new();
        while self.skip("when") {
            let condition = self.expression(power::OR)?;
            self.expect("then")?;
            arms.push([condition, self.expression(power::OR)?]);
        }
        if arms.is_empty() {
            return Err(self.unexpected("`when`"));
        }
        let otherwise = if self.skip("else") { Some(Box::new(self.expression(power::OR)?)) } else { None };
        match self.kind() {
            TokenKind::Name(word) if word.eq_ignore_ascii_case("end") => self.at += 1,
            _ => return Err(self.unexpected("`when`, `else` or `end`")),
        }
        self.node(start, Node::Case { operand, arms, otherwise })
    }

    fn cast(&mut self) -> Result<Expr, Error> {
        let start = self.span().start;
        self.expect("cast")?;
        self.expect("(")?;
        let value = Box::new(self.expression(power::OR)?);
        self.expect("as")?;
        let ty = self.ident()?;
        self.expect(")")?;
        self.node(start, Node::Cast { value, ty })
    }

    /// `stream{key=value,...}` is `filter(stream, key = 'value' and ...)`.
    fn filtered(&self, stream: Expr, tags: &[Tag], span: Span) -> Result<Expr, Error> {
        let equality = |tag: &Tag| {
            let key = Expr::new(Node::Name(tag.key.text.clone()), tag.key.span.clone());
            let value = Expr::new(Node::Text(tag.value.text.clone()), tag.value.span.clone());
            let equality = tag.key.span.start..tag.value.span.end;
            Expr::new(Node::Binary(BinaryOp::Eq, Box::new([key, value])), equality)
        };
        let mut conditions: Vec<Expr> = tags.iter().map(equality).collect();
        let condition = match conditions.len() {
            1 => conditions.remove(0),
            _ => Expr::new(Node::And(conditions), span.clone()),
        };
        let start = stream.span.start;
        let unnamed = |value: Expr| Argument { name: None, alias: None, span: value.span.clone(), value };
        let name = Ident { text: "filter".to_owned(), span };
        self.node(start, Node::Call { name, arguments: vec![unnamed(stream), unnamed(condition)] })
    }
}

#[derive(Clone, Copy)]
enum Infix {
    Or,
    And,
    /// A comparison that begins with a word.
    Word,
    Binary(BinaryOp),
}

impl Infix {
    fn power(self) -> u8 {
        match self {
            Infix::Or => power::OR,
            Infix::And => power::AND,
            Infix::Word => power::COMPARISON,
            Infix::Binary(op) => power::of(op),
        }
    }
}

fn too_deep(span: Span) -> Error {
    Error::new(span, format!("parts of this expression lie more than {MAX_DEPTH} deep in one another"))
}

fn describe(token: &TokenKind) -> String {
    match token {
        TokenKind::Name(name) => format!("the name `{}`", Quoted(name)),
        TokenKind::Keyword(word) => format!("`{word}`"),
        TokenKind::Symbol(symbol) => format!("`{symbol}`"),
        TokenKind::Integer(_) | TokenKind::Float(_) => "a number".to_owned(),
        TokenKind::Text(_) => "a text".to_owned(),
        TokenKind::Duration(_) => "a duration".to_owned(),
        TokenKind::Tags(_) => "tags".to_owned(),
        TokenKind::End => "the end".to_owned(),
    }
}
