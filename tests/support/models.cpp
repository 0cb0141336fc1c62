#include "tests/support/models.h"

namespace cunewton::test {

template class Model<double>;
template class Model<float>;

}  // namespace cunewton::test
