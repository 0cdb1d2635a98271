// The TLBs' statistics for people: what each level did by size, the walks, and what it all cost in cycles.

import Quire

extension TLBStatistics {
    /// Three tables: by level and size, walks by size, cycles. Sizes without anything to tell are left out.
    var table: String {
        var levels = TextTable([
            ("TLB", .left), ("size", .right), ("places", .right), ("ways", .right), ("hits", .right),
            ("misses", .right),
            ("evictions", .right), ("flushed", .right), ("entries", .right),
        ])
        for row in rows where row.hits + row.misses > 0 {
            levels.add(
                ["l\(row.level)", Self.name(ofSize: row.size)]
                    + [
                        UInt64(row.entries), UInt64(row.ways), row.hits, row.misses, row.evictions, row.flushed,
                        row.held,
                    ]
                    .map { TextTable.cell($0) })
        }
        var walked = TextTable([("walks", .left), ("count", .right), ("entries read", .right)])
        for row in walks where row.walks > 0 {
            walked.add([Self.name(ofSize: row.size), TextTable.cell(row.walks), TextTable.cell(row.references)])
        }
        var priced = TextTable([("cycles", .left), ("", .right)])
        for (name, value) in cycles { priced.add([name, TextTable.cell(value)]) }
        return levels.render() + "\n" + walked.render() + "\n" + priced.render() + "at \(costs)\n"
    }
}
