//===- Order.h - the order in which a reduction takes its points
//------------===//

#ifndef ATTN_LIB_REFERENCE_ORDER_H
#define ATTN_LIB_REFERENCE_ORDER_H

#include <cstdint>
#include <numeric>

namespace attn::reference {

/// A permutation of `count` steps, by InterpretOptions::sumOrder.
class Order {
public:
  Order(unsigned number, int64_t count) : count(count) {
    if (number == 1) {
      first = count - 1;
      stride = -1;
    } else if (number > 1) {
      // Coprime with the count, so that each step is taken once.
      stride = 2 * number - 1;
      while (count > 1 && std::gcd(stride, count) != 1)
        ++stride;
    }
  }

  int64_t get(int64_t i) const {
    return stride == 1 ? i : (first + i * stride) % count;
  }

private:
  int64_t count, first = 0, stride = 1;
};

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_ORDER_H
