#include "lib/rdma/iwarp/window_table.hh"

#include <algorithm>

namespace pmemckpt::rdma::iwarp {

namespace {

bool allows(Access has, Access needed) {
    return (static_cast<unsigned>(has) & static_cast<unsigned>(needed)) == static_cast<unsigned>(needed);
}

Status check_translation(const Translation& translation) {
    const std::uint64_t page = translation.page_size, count = translation.pages.size();
    if (translation.size == 0)
        return {};
    const std::uint64_t skipped = translation.skipped;
    if (page == 0 || skipped >= page || translation.size > UINT64_MAX - skipped ||
        divide_up(skipped + translation.size, page) > count)
        return fail(EINVAL,
                    "a window of {} bytes, {} into its first page, needs more than {} pages of {} bytes",
                    translation.size, skipped, count, page);
    for (std::uint64_t i = 0, left = skipped + translation.size; left != 0; ++i) {
        const std::uint64_t used = std::min(left, page);
        if (translation.pages[i] != kNoPage &&
            !fits({{translation.pages[i]}, {used}}, {translation.medium.size()}))
            return fail(EINVAL, "page {} of a window, at {}, is not within its mapping of {} bytes", i,
                        translation.pages[i], translation.medium.size());
        left -= used;
    }
    return {};
}

}  // namespace

Window::Window(Key key, Translation translation, Access access)
    : key_(key),
      access_(access),
      translation_(std::move(translation)),
      has_holes_(std::find(translation_.pages.begin(), translation_.pages.end(), kNoPage) !=
                 translation_.pages.end()) {}

Miss Window::check(Extent range, Access needed) const {
    if (!allows(access_, needed))
        return Miss::access;
    if (range.size.bytes > UINT64_MAX - range.at.bytes)
        return Miss::wrap;
    return fits(range, {translation_.size}) && !touches_hole(range) ? Miss::none : Miss::bounds;
}

bool Window::touches_hole(Extent range) const {
    if (!has_holes_ || range.size.bytes == 0)
        return false;
    const auto last = place(range.at.bytes + (range.size.bytes - 1)).page;
    for (auto page = place(range.at.bytes).page; page <= last; ++page)
        if (translation_.pages[page] == kNoPage)
            return true;
    return false;
}

void Window::kill() {
    alive_.store(false, std::memory_order_release);
    // Whoever moves bytes holds it; whoever comes after sees the flag.
    const std::lock_guard<std::mutex> wait(mutex_);
}

Window::Place Window::place(std::uint64_t at) const {
    const auto behind = translation_.skipped + at;
    return {behind / translation_.page_size, behind % translation_.page_size};
}

Extent Window::run(Extent range) const {
    const std::uint64_t page_size = translation_.page_size;
    auto [page, within] = place(range.at.bytes);
    Extent found{{translation_.pages[page] + within}, {std::min(page_size - within, range.size.bytes)}};
    while (found.size.bytes < range.size.bytes &&
           translation_.pages[page + 1] == translation_.pages[page] + page_size) {
        ++page;
        found.size.bytes += std::min(page_size, range.size.bytes - found.size.bytes);
    }
    return found;
}

std::size_t Window::pieces(Extent range, std::vector<iovec>& into, std::size_t limit) const {
    std::size_t taken = 0;
    for (; limit != 0 && taken < range.size.bytes; --limit) {
        const Extent piece = run({{range.at.bytes + taken}, {range.size.bytes - taken}});
        into.push_back({translation_.medium.data() + piece.at.bytes, piece.size.bytes});
        taken += piece.size.bytes;
    }
    return taken;
}

Status Window::persist(const std::vector<Extent>& extents) {
    for (const Extent& extent : extents) {
        for (std::uint64_t done = 0; done < extent.size.bytes;) {
            if (!alive())
                return {};
            const auto at = extent.at.bytes + done;
            const auto [page, within] = place(at);
            // Two extents that were made one may have a hole between them.
            if (translation_.pages[page] == kNoPage) {
                done += std::min(translation_.page_size - within, extent.size.bytes - done);
                continue;
            }
            const Extent piece = run({{at}, {extent.size.bytes - done}});
            TRY(translation_.persist(piece));
            done += piece.size.bytes;
        }
    }
    return {};
}

Result<Grant> WindowTable::grant(Translation translation, Access access) {
    TRY(check_translation(translation));
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_)
        return fail(ENOTCONN, "no window can be granted: the connection is closed");
    if (windows_.size() >= kMaximumWindows)
        return fail(ENOSPC, "a connection can't have more than {} windows; revoke some", kMaximumWindows);
    if (stags_.exhausted())
        return fail(ENOSPC, "this connection has had its last window; connect anew");
    const Key key = stags_.next();
    windows_.emplace(key, std::make_shared<Window>(key, std::move(translation), access));
    return Grant{key, 0, false};
}

std::shared_ptr<Window> WindowTable::find(Key key) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = windows_.find(key);
    return found == windows_.end() ? nullptr : found->second;
}

bool WindowTable::revoke(Key key) {
    const auto window = find(key);
    if (!window)
        return false;
    // It leaves the table only when it is dead: so another thread that revokes it too waits as well.
    window->kill();
    const std::lock_guard<std::mutex> lock(mutex_);
    windows_.erase(key);
    return true;
}

void WindowTable::close() {
    std::unordered_map<Key, std::shared_ptr<Window>> windows;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        closed_ = true;
        windows.swap(windows_);
    }
    for (const auto& [key, window] : windows)
        window->kill();
}

bool WindowTable::was_granted(Key key) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return stags_.was_given(key);
}

}  // namespace pmemckpt::rdma::iwarp
