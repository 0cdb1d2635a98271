// A runtime that reserves address space by the gigabyte: objects and a buffer are made, dropped and collected.
const fs = require('fs');
function snapshot(label) {
  fs.appendFileSync(process.env.QUIRE_RECORD_LABELS, label + '\n');
  process.kill(process.pid, 'SIGSTOP');
}
setTimeout(() => {
  snapshot('started');
  let objects = [];
  for (let i = 0; i < 60000; i++) objects.push({ i, text: 'x'.repeat(i % 50) + i });
  let buffer = Buffer.alloc(8 << 20, 1);
  setTimeout(() => {
    snapshot('filled');
    objects = buffer = null;
    global.gc();
    setTimeout(() => snapshot('collected'), 500);
  }, 500);
}, 500);
