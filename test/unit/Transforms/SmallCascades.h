//===- SmallCascades.h - cascades that are not attention ------------------===//
//
// Each one puts one rule of the separation to the test, or is near one that
// looks like a rule and is none.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_TRANSFORMS_SMALLCASCADES_H
#define ATTN_TEST_UNIT_TRANSFORMS_SMALLCASCADES_H

#include <string>
#include <vector>

namespace attn::test {

struct SmallCascade {
  std::string name;
  std::string text;
};

/// A function of x: [P, M] and w: [M] in which y: [P] is reduced from x by
/// `monoid`, and z: [P] by `outer` from `map` of (a = x, b = y), with `merge`
/// for both operands.
inline std::string
makeTwoSteps(const std::string &monoid, const std::string &outer,
             const std::string &map, const std::string &merge = "through",
             const std::string &empty = "", const std::string &where = "") {
  auto identity = [](const std::string &name) -> std::string {
    return name == "max"   ? "-inf"
           : name == "min" ? "inf"
           : name == "mul" ? "1.0"
                           : "0.0";
  };
  std::string y = "!cascade.tensor<[P], f32, empty = " +
                  (empty.empty() ? identity(monoid) : empty) + ">";
  std::string z = "!cascade.tensor<[P], f32, empty = " + identity(outer) + ">";
  return "!X = !cascade.tensor<[P, M], f32, empty = 0.0>\n"
         "cascade.func @f(%x: !X) -> (z: " +
         z + ", late: " + y +
         ") attributes {reassoc} {\n"
         "  %y = cascade.einsum [p] = %x[p, m] through reduce " +
         monoid + " : !X -> " + y + "\n  %z = cascade.einsum [p] = %x[p, m] " +
         merge + ", %y[p] " + merge + " reduce " + outer + " : !X, " + y +
         " -> " + z + "\n    " + where + "map (%a, %b) {\n" + map +
         "      cascade.yield %r : f32\n    }\n"
         "  cascade.return %z, %y : " +
         z + ", " + y + "\n}\n";
}

inline std::string replaceFirst(std::string text, const std::string &from,
                                const std::string &to) {
  return text.replace(text.find(from), from.size(), to);
}

inline std::vector<SmallCascade> getSmallCascades() {
  const std::string expOfDifference = "      %d = arith.subf %a, %b : f32\n"
                                      "      %r = math.exp %d : f32\n";
  const std::string product = "      %r = arith.mulf %a, %b : f32\n";
  const std::string sum = "      %r = arith.addf %a, %b : f32\n";
  const std::string relu = "      %zero = arith.constant 0.0 : f32\n"
                           "      %d = arith.subf %a, %b : f32\n"
                           "      %r = arith.maximumf %d, %zero : f32\n";
  const std::string odd = "where {\n"
                          "      %m = cascade.index m\n"
                          "      %one = arith.constant 1 : index\n"
                          "      %bit = arith.andi %m, %one : index\n"
                          "      %c = arith.cmpi eq, %bit, %one : index\n"
                          "      cascade.yield %c : i1\n"
                          "    }\n    ";
  return {
      {"product", makeTwoSteps("add", "add", product)},
      {"product_absorbing", makeTwoSteps("add", "add", product, "absorb")},
      {"product_of_maximum", makeTwoSteps("max", "add", product)},
      {"exp_of_difference", makeTwoSteps("max", "add", expOfDifference)},
      {"exp_of_difference_absorbing",
       makeTwoSteps("max", "add", expOfDifference, "absorb")},
      {"exp_of_difference_masked",
       makeTwoSteps("max", "add", expOfDifference, "absorb", "", odd)},
      {"exp_of_difference_to_sum", makeTwoSteps("add", "add", expOfDifference)},
      {"exp_of_difference_to_sum_absorbing",
       makeTwoSteps("add", "add", expOfDifference, "absorb")},
      {"exp_of_difference_to_minimum",
       makeTwoSteps("min", "add", expOfDifference)},
      {"maximum_of_sums", makeTwoSteps("max", "max", sum)},
      {"maximum_of_sums_over_sum", makeTwoSteps("add", "max", sum)},
      {"maximum_of_sums_over_sum_absorbing",
       makeTwoSteps("add", "max", sum, "absorb")},
      {"maximum_of_relu", makeTwoSteps("add", "max", relu)},
      {"sum_of_relu", makeTwoSteps("add", "add", relu)},
      {"quotient",
       makeTwoSteps("add", "add", "      %r = arith.divf %a, %b : f32\n",
                    "absorb")},
      {"quotient_of_late",
       makeTwoSteps("add", "add", "      %r = arith.divf %b, %a : f32\n",
                    "absorb")},
      {"late_value_at_neighbour",
       replaceFirst(makeTwoSteps("add", "add", product), "%y[p] through",
                    "%y[p + 1] through")},
      {"root_of_product", makeTwoSteps("add", "add",
                                       "      %s = arith.mulf %a, %b : f32\n"
                                       "      %r = math.sqrt %s : f32\n")},
      {"inverse_root_of_product",
       makeTwoSteps("add", "add",
                    "      %s = arith.mulf %a, %b : f32\n"
                    "      %r = math.rsqrt %s : f32\n")},
      {"maximum_of_logarithms",
       makeTwoSteps("add", "max",
                    "      %s = arith.mulf %a, %b : f32\n"
                    "      %r = math.log %s : f32\n")},
      {"magnitude_of_product",
       makeTwoSteps("add", "add",
                    "      %s = arith.mulf %a, %b : f32\n"
                    "      %r = math.absf %s : f32\n")},
      {"maximum_of_products",
       makeTwoSteps("add", "max",
                    "      %s = arith.mulf %a, %b : f32\n"
                    "      %r = math.absf %s : f32\n")},
      {"late_value_times_its_exp",
       makeTwoSteps("max", "add",
                    "      %d = arith.subf %a, %b : f32\n"
                    "      %e = math.exp %d : f32\n"
                    "      %r = arith.mulf %e, %b : f32\n")},
      {"exp_over_late_value",
       makeTwoSteps("max", "add",
                    "      %d = arith.subf %a, %b : f32\n"
                    "      %e = math.exp %d : f32\n"
                    "      %r = arith.divf %e, %b : f32\n")},
      {"square_of_difference",
       makeTwoSteps("add", "add",
                    "      %d = arith.subf %a, %b : f32\n"
                    "      %r = arith.mulf %d, %d : f32\n")},
      {"common_factor", makeTwoSteps("add", "add",
                                     "      %s = arith.mulf %a, %b : f32\n"
                                     "      %t = arith.mulf %s, %a : f32\n"
                                     "      %r = arith.addf %s, %t : f32\n")},
      {"choice", makeTwoSteps("add", "add",
                              "      %zero = arith.constant 0.0 : f32\n"
                              "      %s = arith.mulf %a, %b : f32\n"
                              "      %c = arith.cmpf ogt, %a, %zero : f32\n"
                              "      %r = arith.select %c, %s, %zero : f32\n")},
      {"relu_of_product",
       makeTwoSteps("add", "add",
                    "      %zero = arith.constant 0.0 : f32\n"
                    "      %e = math.exp %b : f32\n"
                    "      %s = arith.mulf %a, %e : f32\n"
                    "      %r = arith.maximumf %s, %zero : f32\n")},
      {"relu_of_signed_product",
       makeTwoSteps("add", "add",
                    "      %zero = arith.constant 0.0 : f32\n"
                    "      %s = arith.mulf %a, %b : f32\n"
                    "      %r = arith.maximumf %s, %zero : f32\n")},
      {"minimum_of_maxima",
       makeTwoSteps("max", "min", "      %r = arith.maximumf %a, %b : f32\n")},
      {"product_of_exponentials", makeTwoSteps("add", "mul", expOfDifference)},
      {"index_of_key",
       makeTwoSteps("add", "add",
                    "      %m = cascade.index m\n"
                    "      %i = arith.index_cast %m : index to i32\n"
                    "      %f = arith.sitofp %i : i32 to f32\n"
                    "      %s = arith.mulf %a, %f : f32\n"
                    "      %r = arith.mulf %s, %b : f32\n")},
      // The empty value of y is not where its sum starts.
      {"late_value_with_other_empty",
       makeTwoSteps("add", "add", expOfDifference, "absorb", "-inf")},
      {"maximum_with_zero_empty",
       makeTwoSteps("max", "add", expOfDifference, "through", "0.0")},
      // The late value has a rank that the sum takes away too.
      {"late_value_summed_over", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!M = !cascade.tensor<[M], f32, empty = 0.0>
!D = !cascade.tensor<[P], f32, empty = 0.0>
!Y = !cascade.tensor<[], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (z: !Y) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] reduce add : !X -> !D
  %z = cascade.einsum [] = %x[p, m], %y[p] reduce add : !X, !D -> !Y
  cascade.return %z : !Y
})"},
      // The maximum is that of other points than the sum's.
      {"maximum_under_a_mask", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
    where {
      %m = cascade.index m
      %three = arith.constant 3 : index
      %c = arith.cmpi sge, %m, %three : index
      cascade.yield %c : i1
    }
  %z = cascade.einsum [p] = %x[p, m] through, %y[p] absorb reduce add : !X, !R -> !D
    map (%a, %b) {
      %d = arith.subf %a, %b : f32
      %r = math.exp %d : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
})"},
      // A difference that is zero is empty, and read as nothing.
      {"chain_with_unlike_empty", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
  %d = cascade.einsum [p, m] = %x[p, m] through, %y[p] absorb : !X, !R -> !X
    map (%a, %b) {
      %r = arith.subf %a, %b : f32
      cascade.yield %r : f32
    }
  %z = cascade.einsum [p] = %d[p, m] absorb reduce add : !X -> !D
    map (%a) {
      %r = math.exp %a : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
})"},
      // What is masked in between is read as a number.
      {"masked_chain_read_through", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
  %d = cascade.einsum [p, m] = %x[p, m] through, %y[p] absorb : !X, !R -> !X
    where {
      %p = cascade.index p
      %m = cascade.index m
      %c = arith.cmpi sle, %m, %p : index
      cascade.yield %c : i1
    }
    map (%a, %b) {
      %r = arith.subf %a, %b : f32
      cascade.yield %r : f32
    }
  %z = cascade.einsum [p] = %d[p, m] through reduce add : !X -> !D
    map (%a) {
      %r = math.exp %a : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
})"},
      // A score whose mask is -inf, and nothing after it.
      {"masked_contraction", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!S = !cascade.tensor<[P, Q], f32, empty = -inf>
cascade.func @f(%x: !X, %w: !cascade.tensor<[Q, M], f32, empty = 0.0>) -> (s: !S) attributes {reassoc} {
  %s = cascade.einsum [p, q] = %x[p, m], %w[q, m] reduce add : !X, !cascade.tensor<[Q, M], f32, empty = 0.0> -> !S
    where {
      %p = cascade.index p
      %q = cascade.index q
      %c = arith.cmpi sle, %q, %p : index
      cascade.yield %c : i1
    }
  cascade.return %s : !S
})"},
      // The rank's coordinates come from no operand of the sweep.
      {"sweep_without_operand", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X, %w: !D) -> (z: !D) attributes {reassoc} {
  %b = cascade.einsum [p, m] = %w[p] through : !D -> !X
    map (%a) {
      %m = cascade.index m
      %i = arith.index_cast %m : index to i32
      %f = arith.sitofp %i : i32 to f32
      %r = arith.mulf %a, %f : f32
      cascade.yield %r : f32
    }
  %z = cascade.einsum [p] = %b[p, m] reduce add : !X -> !D
  cascade.return %z : !D
})"},
      // Three barriers, each in terms of the last.
      {"chain_of_barriers", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (u: !D, z: !D, y: !R) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
  %z = cascade.einsum [p] = %x[p, m] through, %y[p] absorb reduce add : !X, !R -> !D
    map (%a, %b) {
      %d = arith.subf %a, %b : f32
      %r = math.exp %d : f32
      cascade.yield %r : f32
    }
  %u = cascade.einsum [p] = %x[p, m] through, %y[p] absorb, %z[p] absorb reduce add : !X, !R, !D -> !D
    map (%a, %b, %c) {
      %d = arith.subf %a, %b : f32
      %e = math.exp %d : f32
      %f = arith.mulf %e, %a : f32
      %r = arith.divf %f, %c : f32
      cascade.yield %r : f32
    }
  cascade.return %u, %z, %y : !D, !D, !R
})"},
      // A late value made from another outside the sweep.
      {"late_value_of_late_value", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!R = !cascade.tensor<[P], f32, empty = -inf>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m] through reduce max : !X -> !R
  %h = cascade.einsum [p] = %y[p] absorb : !R -> !R
    map (%a) {
      %two = arith.constant 2.0 : f32
      %r = arith.mulf %a, %two : f32
      cascade.yield %r : f32
    }
  %z = cascade.einsum [p] = %x[p, m] through, %h[p] absorb reduce add : !X, !R -> !D
    map (%a, %b) {
      %d = arith.subf %a, %b : f32
      %r = math.exp %d : f32
      cascade.yield %r : f32
    }
  cascade.return %z : !D
})"},
      // The rank is read at two coordinates at once.
      {"shifted_read", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m], %x[p, m + 1] reduce add : !X, !X -> !D
  %z = cascade.einsum [p] = %x[p, m + 1], %x[p, m], %y[p] reduce add : !X, !X, !D -> !D
  cascade.return %z : !D
})"},
      {"two_variables_of_one_rank", R"(
!X = !cascade.tensor<[P, M], f32, empty = 0.0>
!D = !cascade.tensor<[P], f32, empty = 0.0>
cascade.func @f(%x: !X) -> (z: !D) attributes {reassoc} {
  %y = cascade.einsum [p] = %x[p, m], %x[p, i] reduce add : !X, !X -> !D
  %z = cascade.einsum [p] = %x[p, m], %y[p] reduce add : !X, !D -> !D
  cascade.return %z : !D
})"},
  };
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_TRANSFORMS_SMALLCASCADES_H
