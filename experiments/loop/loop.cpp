// FIFO and EASY (docs/semantics.md) on one pool, written by hand: what the engine's generality is measured against.
//
// Jobs of at most a node go to the node that fits best, gangs get whole nodes. Nothing else: no power, no ledger, no
// causes of waiting. Jobs come in the order of submission; estimates are upper bounds, so no job is ever overdue.

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

namespace {

constexpr int SIZE = 8;  // GPUs of a node
constexpr int NONE = -1;
constexpr double NEVER = std::numeric_limits<double>::infinity();

class BitSet {  // of nodes; a bit of `full_` for each word that is not empty
public:
    explicit BitSet(int n) : words_((n + 63) / 64), full_((words_.size() + 63) / 64) {}

    void insert(int i) {
        words_[i >> 6] |= bit(i);
        full_[i >> 12] |= bit(i >> 6);
    }

    void remove(int i) {
        if ((words_[i >> 6] &= ~bit(i)) == 0) full_[i >> 12] &= ~bit(i >> 6);
    }

    int next(int i) const {  // least member >= i
        size_t word = i >> 6;
        if (word >= words_.size()) return NONE;
        if (uint64_t rest = words_[word] >> (i & 63)) return i + __builtin_ctzll(rest);
        for (size_t at = ++word >> 6; at < full_.size(); word = ++at << 6)
            if (uint64_t rest = full_[at] >> (word & 63)) {
                word += __builtin_ctzll(rest);
                return int(word << 6) + __builtin_ctzll(words_[word]);
            }
        return NONE;
    }

private:
    static uint64_t bit(int i) { return uint64_t(1) << (i & 63); }
    std::vector<uint64_t> words_, full_;
};

class Heap {  // by (key, id); its members know their place
public:
    explicit Heap(int n_ids) : place_(n_ids, NONE) {}

    size_t size() const { return items_.size(); }
    std::pair<double, int> operator[](size_t i) const { return items_[i]; }

    void push(double key, int id) {
        items_.emplace_back();
        rise(items_.size() - 1, {key, id});
    }

    void remove(int id) {
        size_t i = place_[id];
        auto last = items_.back();
        items_.pop_back();
        if (i < items_.size()) put(i, last);
    }

    void rekey(double key, int id) { put(place_[id], {key, id}); }

private:
    using Item = std::pair<double, int>;
    std::vector<Item> items_;
    std::vector<int> place_;

    void put(size_t i, Item item) {
        if (i > 0 && item < items_[(i - 1) / 2])
            rise(i, item);
        else
            sink(i, item);
    }

    void set(size_t i, Item item) {
        items_[i] = item;
        place_[item.second] = int(i);
    }

    void rise(size_t i, Item item) {
        for (; i > 0 && item < items_[(i - 1) / 2]; i = (i - 1) / 2) set(i, items_[(i - 1) / 2]);
        set(i, item);
    }

    void sink(size_t i, Item item) {
        for (size_t down; (down = 2 * i + 1) < items_.size(); i = down) {
            if (down + 1 < items_.size() && items_[down + 1] < items_[down]) ++down;
            if (item < items_[down]) break;
            set(i, items_[down]);
        }
        set(i, item);
    }
};

class InOrder {  // the members of a heap, least first, which stay in it
public:
    explicit InOrder(const Heap& heap) : heap_(heap) { add(0); }

    bool next(std::pair<double, int>& item) {
        if (front_.empty()) return false;
        std::pop_heap(front_.begin(), front_.end(), later_);
        auto [key, id, i] = front_.back();
        front_.pop_back();
        add(2 * i + 1);
        add(2 * i + 2);
        item = {key, id};
        return true;
    }

private:
    struct Entry {
        double key;
        int id;
        size_t i;
    };
    static bool later_(const Entry& a, const Entry& b) { return std::pair(a.key, a.id) > std::pair(b.key, b.id); }
    const Heap& heap_;
    std::vector<Entry> front_;

    void add(size_t i) {
        if (i >= heap_.size()) return;
        front_.push_back({heap_[i].first, heap_[i].second, i});
        std::push_heap(front_.begin(), front_.end(), later_);
    }
};

struct Job {
    double submit_s, runtime_s, estimate_s, start_s, expected_end_s;
    int gpus, first_node, before, after;  // in the queue
};

struct Node {
    int free = SIZE, spare = SIZE;  // what the head's reservation leaves to others
    int next_held = NONE, n_jobs = 0;
    int jobs[SIZE];
    double idle_s = 0.0;  // last expected end of its jobs
    bool reserved = false;
};

template <bool EASY>
class Loop {
public:
    Loop(int n_nodes, std::vector<Job>& jobs)
        : jobs_(jobs), nodes_(n_nodes), free_(n_nodes * SIZE), open_(SIZE + 1, BitSet(n_nodes)),
          kept_(SIZE + 1, BitSet(n_nodes)), by_end_(EASY ? int(jobs.size()) : 0), by_idle_(EASY ? n_nodes : 0) {
        for (int n = 0; n < n_nodes; ++n) {
            open_[SIZE].insert(n);
            if (EASY) by_idle_.push(0.0, n);
        }
    }

    void run() {
        int next = 0, n = int(jobs_.size());
        while (next < n || !ends_.empty()) {
            double ends_s = ends_.empty() ? NEVER : ends_.front().first;
            now_ = std::min(ends_s, next < n ? jobs_[next].submit_s : NEVER);
            bool released = ends_s == now_;
            while (!ends_.empty() && ends_.front().first == now_) {
                int j = ends_.front().second;
                std::pop_heap(ends_.begin(), ends_.end(), std::greater<>());
                ends_.pop_back();
                end(j);
            }
            int arrived = next;
            while (next < n && jobs_[next].submit_s == now_) append(next++);
            pass(released, arrived);
        }
    }

private:
    std::vector<Job>& jobs_;
    std::vector<Node> nodes_;
    int free_;
    std::vector<BitSet> open_, kept_;  // nodes by what is open on them; those reserved by what is free
    Heap by_end_, by_idle_;
    std::vector<std::pair<double, int>> ends_;
    double now_ = 0.0, shadow_s_ = NEVER;
    int first_ = NONE, last_ = NONE, reserved_job_ = NONE;
    bool unsettled_ = false;
    std::vector<int> picked_, reserved_;

    // Queue

    void append(int j) {
        jobs_[j].before = last_;
        jobs_[j].after = NONE;
        (last_ == NONE ? first_ : jobs_[last_].after) = j;
        last_ = j;
    }

    void unlink(int j) {
        Job& job = jobs_[j];
        (job.before == NONE ? first_ : jobs_[job.before].after) = job.after;
        (job.after == NONE ? last_ : jobs_[job.after].before) = job.before;
    }

    // Nodes

    void unlist(int n) {
        open_[std::min(nodes_[n].free, nodes_[n].spare)].remove(n);
        if (nodes_[n].reserved) kept_[nodes_[n].free].remove(n);
    }

    void enlist(int n) {
        open_[std::min(nodes_[n].free, nodes_[n].spare)].insert(n);
        if (nodes_[n].reserved) kept_[nodes_[n].free].insert(n);
    }

    bool pick(const BitSet& set, size_t wanted) {
        for (int n = -1; picked_.size() < wanted && (n = set.next(n + 1)) != NONE;) picked_.push_back(n);
        return picked_.size() == wanted;
    }

    bool place(int gpus, bool in_reserved) {
        picked_.clear();
        if (gpus > free_) return false;
        if (gpus > SIZE) return pick(open_[SIZE], gpus / SIZE) || (in_reserved && pick(kept_[SIZE], gpus / SIZE));
        for (int level = gpus; level <= SIZE; ++level)
            if (pick(open_[level], 1)) return true;
        for (int level = gpus; in_reserved && level <= SIZE; ++level)
            if (pick(kept_[level], 1)) return true;
        return false;
    }

    void set_idle(int n, double idle_s) {
        if (idle_s == nodes_[n].idle_s) return;
        nodes_[n].idle_s = idle_s;
        by_idle_.rekey(idle_s, n);
    }

    // Runs

    bool start(int j, bool in_reserved) {
        Job& job = jobs_[j];
        if (!place(job.gpus, in_reserved)) return false;
        unlink(j);
        job.start_s = now_;
        job.expected_end_s = now_ + job.estimate_s;
        job.first_node = NONE;
        int take = std::min(job.gpus, SIZE);
        for (int n : picked_) {
            Node& node = nodes_[n];
            unlist(n);
            node.free -= take;
            if (node.reserved && job.expected_end_s > shadow_s_) node.spare -= take;
            enlist(n);
            node.next_held = job.first_node;
            job.first_node = n;
            if (!EASY) continue;
            node.jobs[node.n_jobs++] = j;
            set_idle(n, std::max(node.idle_s, job.expected_end_s));
        }
        free_ -= job.gpus;
        ends_.emplace_back(now_ + job.runtime_s, j);
        std::push_heap(ends_.begin(), ends_.end(), std::greater<>());
        if (EASY) by_end_.push(job.expected_end_s, j);
        return true;
    }

    void end(int j) {
        const Job& job = jobs_[j];
        for (int n = job.first_node, following; n != NONE; n = following) {
            Node& node = nodes_[n];
            following = job.gpus > SIZE ? node.next_held : NONE;
            unlist(n);
            node.free += std::min(job.gpus, SIZE);
            enlist(n);
            if (!EASY) continue;
            *std::find(node.jobs, node.jobs + node.n_jobs, j) = node.jobs[node.n_jobs - 1];
            --node.n_jobs;
            double idle_s = 0.0;
            for (int i = 0; i < node.n_jobs; ++i) idle_s = std::max(idle_s, jobs_[node.jobs[i]].expected_end_s);
            set_idle(n, idle_s);
            bool whole = reserved_job_ != NONE && jobs_[reserved_job_].gpus >= SIZE;
            if (node.reserved || idle_s <= shadow_s_ || !whole) unsettled_ = true;
        }
        free_ += job.gpus;
        if (EASY) by_end_.remove(j);
    }

    // Passes

    void pass(bool released, int arrived) {
        bool holds = EASY && reserved_job_ != NONE && !unsettled_ && shadow_s_ > now_ + 1.0;
        if (holds) {
            backfill(released ? jobs_[first_].after : arrived);
            return;
        }
        release();
        while (first_ != NONE && start(first_, true)) {}
        if (EASY && first_ != NONE) {
            reserve(first_);
            backfill(jobs_[first_].after);
        }
    }

    void backfill(int j) {  // from `j` on; nothing may start any more when nothing is free
        if (j > last_) return;
        for (int after; j != NONE && free_ > 0; j = after) {
            after = jobs_[j].after;
            start(j, now_ + jobs_[j].estimate_s <= shadow_s_);
        }
    }

    void release() {
        for (int n : reserved_) {
            unlist(n);
            nodes_[n].reserved = false;
            nodes_[n].spare = SIZE;
            enlist(n);
        }
        reserved_.clear();
        reserved_job_ = NONE;
        shadow_s_ = NEVER;
    }

    void keep(int n, int spare) {
        unlist(n);
        nodes_[n].reserved = true;
        nodes_[n].spare = spare;
        enlist(n);
        reserved_.push_back(n);
    }

    void reserve(int j) {
        reserved_job_ = j;
        unsettled_ = false;
        if (jobs_[j].gpus < SIZE)
            reserve_part(jobs_[j].gpus);
        else
            reserve_whole(jobs_[j].gpus / SIZE);
    }

    void reserve_part(int need) {  // on the node that first has enough
        InOrder ends(by_end_);
        std::vector<std::pair<int, int>> freed;  // nodes, and what is free on them then
        for (std::pair<double, int> item; ends.next(item);) {
            const Job& job = jobs_[item.second];
            int found = NONE;
            for (int n = job.first_node, following; n != NONE; n = following) {
                following = job.gpus > SIZE ? nodes_[n].next_held : NONE;
                auto at = std::find_if(freed.begin(), freed.end(), [n](auto& entry) { return entry.first == n; });
                if (at == freed.end()) at = freed.insert(at, {n, nodes_[n].free});
                at->second += std::min(job.gpus, SIZE);
                if (at->second >= need && (found == NONE || n < found)) found = n;
            }
            if (found == NONE) continue;
            shadow_s_ = item.first;
            Node& node = nodes_[found];
            int free_then = node.free;
            for (int i = 0; i < node.n_jobs; ++i) {
                const Job& other = jobs_[node.jobs[i]];
                if (other.expected_end_s <= shadow_s_) free_then += std::min(other.gpus, SIZE);
            }
            keep(found, std::min(node.free, free_then - need));
            return;
        }
    }

    void reserve_whole(int k) {  // of the nodes that are idle by the time that k are, those that come last
        InOrder nodes(by_idle_);
        picked_.clear();
        for (std::pair<double, int> item; nodes.next(item); picked_.push_back(item.second)) {
            if (int(picked_.size()) >= k && item.first > shadow_s_) break;
            if (int(picked_.size()) == k - 1) shadow_s_ = std::max(item.first, now_);
        }
        for (int n : std::vector<int>(picked_.end() - k, picked_.end())) keep(n, 0);
    }
};

template <bool EASY>
double play(int n_nodes, int n, const double* submit_s, const int64_t* gpus, const double* runtime_s,
            const double* estimate_s, double* start_s) {
    std::vector<Job> jobs(n);
    for (int j = 0; j < n; ++j)
        jobs[j] = {submit_s[j], runtime_s[j], estimate_s[j], 0.0, 0.0, int(gpus[j]), NONE, NONE, NONE};
    Loop<EASY> loop(n_nodes, jobs);
    std::clock_t began = std::clock();
    loop.run();
    double seconds = double(std::clock() - began) / CLOCKS_PER_SEC;
    for (int j = 0; j < n; ++j) start_s[j] = jobs[j].start_s;
    return seconds;
}

}  // namespace

// Starts [s] of all jobs; returned are the CPU seconds of the loop itself.

extern "C" double fifo(int n_nodes, int n, const double* submit_s, const int64_t* gpus, const double* runtime_s,
                       const double* estimate_s, double* start_s) {
    return play<false>(n_nodes, n, submit_s, gpus, runtime_s, estimate_s, start_s);
}

extern "C" double easy(int n_nodes, int n, const double* submit_s, const int64_t* gpus, const double* runtime_s,
                       const double* estimate_s, double* start_s) {
    return play<true>(n_nodes, n, submit_s, gpus, runtime_s, estimate_s, start_s);
}
