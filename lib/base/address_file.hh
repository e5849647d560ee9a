#pragma once
// The addresses really taken, for scripts: one a line.
#include <string>
#include <vector>

#include "lib/base/address.hh"
#include "lib/base/result.hh"

namespace pmemckpt {

/// The file appears whole, or not at all.
Status write_address_file(const std::string& path, const std::vector<Address>& addresses);

}  // namespace pmemckpt
