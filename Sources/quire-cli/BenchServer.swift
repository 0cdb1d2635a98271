// `quire bench server`: the documents' server at full size, under each policy of empty-table reclaim.

import Quire
import QuireHost
import QuireWorkload

extension BenchCommand {
    func server() throws {
        var table = TextTable([
            ("policy", .left), ("VIRT TB", .right), ("RES GB", .right), ("VmPTE kB", .right), ("full tables", .right),
            ("empty tables", .right), ("given back kB", .right), ("seconds", .right), ("frames left", .right),
        ])
        var unreclaimed: UInt64?
        for (name, policy) in [("off", EmptyTableReclaim.off), ("rfc", .rfc), ("sync", .sync)] {
            let bar = ProgressBar("server, pt_reclaim=\(name)")
            let result = try ServerModel.build(policy) { bar.show($0, of: $1) }
            bar.finish()
            let status = result.status
            if unreclaimed == nil { unreclaimed = status.pageTables }
            table.add([
                name, String(status.size >> 30), String(status.resident >> 20), String(status.pageTables),
                String(status.tables[0] - status.emptyTables), String(status.emptyTables),
                String((unreclaimed ?? 0) - status.pageTables), LoopColumn.decimal(result.seconds),
                String(result.framesLeft),
            ])
        }
        print(table.render(), terminator: "")
        print("host memory at most: \(HostMemory.peakResidentKilobytes) kB")
    }
}
