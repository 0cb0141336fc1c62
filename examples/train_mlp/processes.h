// The processes that train together: one, or those of mpirun.
#pragma once

#include <functional>
#include <memory>

#include "cunewton/communicator.h"

namespace cunewton::train_mlp {

/// Makes MPI ready where the program was started by it and was built with it, and ends it in the
/// end. One for the whole program; all functions are called by all processes, in the same order.
class Processes {
  public:
    Processes(int& argc, char**& argv);
    Processes(const Processes&) = delete;
    ~Processes();

    /// Of a problem whose samples they share; null without MPI.
    const std::shared_ptr<Communicator>& communicator() const { return communicator_; }
    int size() const { return communicator_ ? communicator_->size() : 1; }
    int rank() const { return communicator_ ? communicator_->rank() : 0; }
    /// The one that speaks and writes.
    bool is_first() const { return rank() == 0; }

    /// job(). Where it throws on some, all throw what the first of those says.
    void together(const std::function<void()>& job) const;
    double sum(double number) const;
    int largest(int number) const;

  private:
    std::shared_ptr<Communicator> communicator_;
};

}  // namespace cunewton::train_mlp
