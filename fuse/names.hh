#pragma once
// Region names seen as folders: regions "team/app" and "team/web" are the files app and web in the folder
// team.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/wire/messages.hh"

namespace pmemckpt::view {

enum class NameIs { nothing, folder, region };

/// One listing of a pool's regions. Names that no pool can have (the listing came over a network) are left
/// out.
class Names {
public:
    Names() = default;
    explicit Names(std::vector<wire::Region> regions);

    /// "" is the top folder.
    NameIs what(std::string_view path) const;

    struct Child {
        std::string name;
        const wire::Region* region;  ///< nullptr: a folder. Lives as long as the Names.
    };
    /// Of a folder, sorted; empty when it is none.
    std::vector<Child> children(std::string_view folder) const;

private:
    std::size_t first_at_or_after(std::string_view name) const;
    std::vector<wire::Region> regions_;  // sorted by name, no two alike
};

/// "" and "team" → "team"; "team" and "app" → "team/app".
std::string join(std::string_view folder, std::string_view name);

/// A generation's number as its file is named: decimal, from 1, no leading zero, no sign.
std::optional<std::uint64_t> parse_number(std::string_view name);

}  // namespace pmemckpt::view
