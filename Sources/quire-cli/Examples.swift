// Where the recordings that ship with Quire are: in the folder `Examples` of the checkout that the tool was built from,
// or of the current folder.

import SystemPackage

/// The recordings that ship with Quire.
enum Examples {
    /// The path of a recording; nil where there is none.
    static func path(of name: String) -> String? {
        let source = FilePath(#filePath)
        let checkout = source.removingLastComponent().removingLastComponent().removingLastComponent()
        for folder in [FilePath("."), checkout] {
            let path = folder.appending("Examples").appending(name)
            if let descriptor = try? FileDescriptor.open(path, .readOnly) {
                try? descriptor.close()
                return path.string
            }
        }
        return nil
    }
}
