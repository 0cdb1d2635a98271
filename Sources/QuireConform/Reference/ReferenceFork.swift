// fork of the reference model. The child's areas are tied to what the parent's are tied to, and get an identity of their
// own, or an ancestor's that nobody uses any more. Pages are shared by reference; only what a fault could not bring back
// is copied. Linux: dup_mmap, anon_vma_fork, anon_vma_clone, vma_needs_copy.

extension ReferenceSpace {
    /// A copy for a child.
    func fork(_ world: ReferenceWorld) -> ReferenceSpace {
        let child = ReferenceSpace(world)
        child.heapEnd = heapEnd
        let present = spaces + [child]
        for start in areas.keys.sorted() where start == 0 || areas[start - 1] !== areas[start] {
            guard let area = areas[start], !area.flags.contains(.dontFork) else { continue }
            let end = end(of: start)
            let isWiped = area.flags.contains(.wipeOnFork)
            let copy = ReferenceArea(
                flags: area.flags.subtracting([.locked, .lockOnFault]), file: area.file, shift: area.shift)
            if !isWiped, area.anonymous != nil {
                copy.chain = area.chain
                let own = unusedAncestor(area, present) ?? AnonymousIdentity(parent: area.anonymous)
                copy.anonymous = own
                if !copy.chain.contains(where: { $0 === own }) { copy.chain.append(own) }
            }
            for page in start..<end { child.areas[page] = copy }
            guard !isWiped, area.anonymous != nil || area.flags.contains(.guards) else { continue }
            for page in start..<end {
                switch entries[page] {
                case .page(let memory):
                    child.map(page, memory)
                    if !area.isShared, written.contains(page) { child.written.insert(page) }
                case .some(let other): child.entries[page] = other
                case nil: break
                }
            }
        }
        return child
    }

    /// An identity of the chain that no area has as its own and that has at most one child.
    private func unusedAncestor(_ area: ReferenceArea, _ spaces: [ReferenceSpace]) -> AnonymousIdentity? {
        if area.chain.count < 2 { return nil }
        var own: Set<ObjectIdentifier> = []
        var tied: [ObjectIdentifier: AnonymousIdentity] = [:]
        var seen: Set<ObjectIdentifier> = []
        for space in spaces {
            for area in space.areas.values where seen.insert(ObjectIdentifier(area)).inserted {
                if let identity = area.anonymous { own.insert(ObjectIdentifier(identity)) }
                for identity in area.chain { tied[ObjectIdentifier(identity)] = identity }
            }
        }
        return area.chain.first { identity in
            guard identity !== area.anonymous, !own.contains(ObjectIdentifier(identity)) else { return false }
            // A root counts as its own child.
            let children = tied.values.count { $0.parent === identity } + (identity.parent == nil ? 1 : 0)
            return children < 2
        }
    }
}
