// Runs ONNX files in one version of ONNX Runtime: node older-runtime.cjs PACKAGE JOBS
// PACKAGE is the folder of onnxruntime-node or onnxruntime-web, JOBS a JSON file: [{ model, input, shape, output }], numbers as float32.
const fs = require('fs');

const [folder, jobs] = process.argv.slice(2);
const ort = require(folder);

async function run({ model, input, shape, output }) {
  const session = await ort.InferenceSession.create(new Uint8Array(fs.readFileSync(model)), { logSeverityLevel: 3 });
  const numbers = new Float32Array(new Uint8Array(fs.readFileSync(input)).buffer);
  const results = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', numbers, shape) });
  const { data } = results[session.outputNames[0]];
  fs.writeFileSync(output, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

(async () => {
  ort.env.wasm.numThreads = 1;
  for (const job of JSON.parse(fs.readFileSync(jobs, 'utf8'))) {
    try {
      await run(job);
    } catch (error) {
      throw new Error(`${job.model}: ${error.message ?? error}`);
    }
  }

  process.exit(0);
})().catch(error => {
  console.error(error.message);
  process.exit(1);
});
