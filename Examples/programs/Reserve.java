import java.nio.file.*;
import java.util.*;

/** A heap of 4 GB reserved, a little of it used, most of that dropped; it sleeps where a snapshot is wanted. */
public class Reserve {
    static void quiet(String label) throws Exception {
        Files.writeString(Path.of(System.getenv("QUIRE_RECORD_LABELS")), label + "\n", StandardOpenOption.APPEND);
        Thread.sleep(3000);
    }

    public static void main(String[] arguments) throws Exception {
        quiet("started");
        List<byte[]> blocks = new ArrayList<>();
        for (int i = 0; i < 12000; i++) blocks.add(new byte[4096]);
        quiet("filled");
        blocks = null;
        System.gc();
        quiet("collected");
    }
}
