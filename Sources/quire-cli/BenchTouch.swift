// `quire bench touch`: a page touched and given back by MADV_DONTNEED of 2 MiB, in three shapes of the machine, beside the
// live kernel.

import Quire
import QuireLive
import QuireWorkload

extension BenchCommand {
    private struct Shape {
        var title: String
        var contents: Contents
        var mode: RunMode
        var samples: [Double] = []
        var ratios: [Double] = []
    }

    func touch() throws {
        var shapes = [
            Shape(title: "contents off, sequential", contents: .off, mode: .sequential),
            Shape(title: "contents off, parallel", contents: .off, mode: .parallel),
            Shape(title: "contents eager, sequential", contents: .eager, mode: .sequential),
        ]
        var live: [Double] = []
        let bar = ProgressBar("touch + DONTNEED")
        for repetition in 0..<repetitions {
            bar.show(repetition, of: repetitions)
            let kernel = try LiveLoop.spawn(.init(rounds: rounds, variant: .whole)).nanosecondsPerPage
            live.append(kernel)
            for place in shapes.indices {
                var parameters = ModelLoop.Parameters()
                parameters.rounds = rounds
                parameters.machine.contents = shapes[place].contents
                parameters.machine.mode = shapes[place].mode
                let time = try ModelLoop.run(parameters).nanosecondsPerPage
                shapes[place].samples.append(time)
                shapes[place].ratios.append(kernel / time)
            }
        }
        bar.finish()
        json ? printJSON(shapes, live) : printTable(shapes, live)
    }

    private func printTable(_ shapes: [Shape], _ live: [Double]) {
        var table = TextTable([
            ("touch + MADV_DONTNEED", .left), ("ns/page", .right), ("min", .right), ("max", .right),
            ("times as fast", .right),
        ])
        func row(_ title: String, _ samples: [Double], _ ratio: String) {
            table.add([title] + Samples(samples).cells + [ratio])
        }
        row("live kernel", live, TextTable.absent)
        for shape in shapes { row(shape.title, shape.samples, LoopColumn.decimal(Samples(shape.ratios).median)) }
        print(table.render(), terminator: "")
    }

    private func printJSON(_ shapes: [Shape], _ live: [Double]) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginObject(lines: true)
        writer.key("live_ns_per_page")
        writer.value(decimal: Samples(live).median)
        for shape in shapes {
            writer.key(shape.title)
            writer.beginObject()
            writer.key("ns_per_page")
            writer.value(decimal: Samples(shape.samples).median)
            writer.key("ratio_to_live")
            writer.value(decimal: Samples(shape.ratios).median)
            writer.endObject()
        }
        writer.endObject()
        try? writer.flush()
        print("")
    }
}
