//! What the standard operators give, value by value.

use dag_tests::Node;
use dag_tests::records::counting;

/// The values of a sealed stream `x` with these records, by expression.
#[test]
fn tumbling_windows_average_what_lies_in_them() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..60), &["--seal"]);
    println!("{}", node.csv("avg(x, 5s)"));
}
