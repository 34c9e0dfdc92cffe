// The table of numbers that only speed depends on, for whoever measures.
#include "algorithms/tuning.hpp"

#include "plan/isa.hpp"

namespace convgrad {

bool tuning_number(int index, TuningNumber& number) noexcept {
  const kernels::IsaTable* isa = nullptr;
  if (index < 0 || index >= tuning_numbers() || !active_isa_table(isa).ok()) return false;
  number = tuning_number(index, isa->float32.name);
  return true;
}

Status set_tuning_number(const char* name, double value) noexcept {
  if (name == nullptr)
    reset_tuning();
  else if (!change_tuning(name, value))
    return Status::invalid("name: there is no number called '%.60s'", name);
  return {};
}

}  // namespace convgrad
