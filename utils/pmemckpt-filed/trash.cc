#include "utils/pmemckpt-filed/trash.hh"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "utils/pmemckpt-filed/names_in.hh"

namespace pmemckpt::filed {

Result<Trash> Trash::open(FileDescriptor folder, const std::set<std::string>& needed) {
    Trash trash(std::move(folder));
    const auto note = [&](const std::string& name) {
        trash.last_ = std::max<std::uint64_t>(trash.last_, std::strtoull(name.c_str(), nullptr, 10));
    };
    for (const auto& name : TRY(names_in(trash.folder_.get()))) {
        note(name);
        if (!needed.contains(name))
            trash.remove(name);
    }
    std::ranges::for_each(needed, note);
    return trash;
}

void Trash::remove(const std::string& name) const {
    ::unlinkat(folder_.get(), name.c_str(), 0);
}

}  // namespace pmemckpt::filed
