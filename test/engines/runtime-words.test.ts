import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wordsOf } from '../../src/engines/onnxruntime/runtime-words.ts'

test('of what CUDA reports, people get the words and not the C++', () => {
  // As ONNX Runtime 1.30.0 threw it for cuda:63 on a machine with one GPU.
  const message =
    '/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:146 std::conditional_t<THRW, void, onnxruntime::common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, int) [with ERRTYPE = cudaError; bool THRW = true] CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider.cc ; line=352 ; expr=cudaSetDevice(info_.device_id); \n\n'
  assert.equal(wordsOf(new Error(message)), 'CUDA failure 100: no CUDA-capable device is detected')
})

test('other messages stay as they are, in one line', () => {
  assert.equal(
    wordsOf(new Error('This is an invalid model.\nNode (a) has input size 3 not in range.')),
    'This is an invalid model. Node (a) has input size 3 not in range',
  )
})
