// OpenVINO's C functions that the adapter calls, as koffi prototypes. Facts of the headers
// include/openvino/c/*.h, the same in 2025.1 to 2026.4; versions.ts refuses others.

/** An address that C gave out; only ever passed back. */
export type Pointer = { readonly brand: unique symbol }

/** Where C writes one result. */
export type Out<Value> = [Value | null]

/** ov_element_type_e (ov_common.h): the ones in use. */
export const elementTypes = { float32: 4, uint8: 16 } as const

/** ov_shape_t (ov_shape.h). */
export interface Shape {
  readonly rank: number
  readonly dims: BigInt64Array
}

/** ov_dimension_t (ov_dimension.h); max is -1 where it is unbounded. */
export interface Dimension {
  readonly min: number
  readonly max: number
}

/** ov_partial_shape_t (ov_partial_shape.h): a rank that is itself a range, then as many dimensions. */
export interface PartialShape {
  readonly rank: Dimension
  readonly dims: Pointer | null
}

/** ov_version_t (ov_core.h): two C strings, freed together. */
export interface Version {
  readonly buildNumber: Pointer
  readonly description: Pointer
}

/** Functions that return nothing and free what they are given. */
export type Free =
  | 'ov_core_free'
  | 'ov_model_free'
  | 'ov_compiled_model_free'
  | 'ov_infer_request_free'
  | 'ov_tensor_free'
  | 'ov_output_const_port_free'
  | 'ov_layout_free'
  | 'ov_preprocess_prepostprocessor_free'
  | 'ov_preprocess_input_info_free'
  | 'ov_preprocess_input_tensor_info_free'
  | 'ov_preprocess_input_model_info_free'
  | 'ov_preprocess_preprocess_steps_free'
  | 'ov_preprocess_output_info_free'
  | 'ov_preprocess_output_tensor_info_free'

/** Functions whose only inputs are one object and whose result is another. */
type Derive =
  | 'ov_compiled_model_create_infer_request'
  | 'ov_preprocess_prepostprocessor_create'
  | 'ov_preprocess_prepostprocessor_get_input_info'
  | 'ov_preprocess_input_info_get_tensor_info'
  | 'ov_preprocess_input_info_get_preprocess_steps'
  | 'ov_preprocess_input_info_get_model_info'
  | 'ov_preprocess_output_info_get_tensor_info'
  | 'ov_preprocess_prepostprocessor_build'
  | 'ov_port_get_any_name'

type Count = 'ov_model_inputs_size' | 'ov_model_outputs_size'
type ByIndex = 'ov_model_const_input_by_index' | 'ov_model_const_output_by_index'
type ByName =
  | 'ov_model_const_output_by_name'
  | 'ov_preprocess_prepostprocessor_get_output_info_by_name'
  | 'ov_compiled_model_get_property'
type SetType =
  | 'ov_preprocess_input_tensor_info_set_element_type'
  | 'ov_preprocess_preprocess_steps_convert_element_type'
  | 'ov_preprocess_output_set_element_type'
type SetLayout =
  | 'ov_preprocess_input_tensor_info_set_layout'
  | 'ov_preprocess_input_model_info_set_layout'
type ByChannel =
  | 'ov_preprocess_preprocess_steps_mean_multi_channels'
  | 'ov_preprocess_preprocess_steps_scale_multi_channels'

/** An ov_status_e: 0 is success. */
type Status = number

/** Every call returns a status unless it frees. */
export type CApi = Record<Free, (object: Pointer) => void> &
  Record<Derive, (object: Pointer, out: Out<Pointer>) => Status> &
  Record<Count, (model: Pointer, out: Out<number>) => Status> &
  Record<ByIndex, (object: Pointer, index: number, out: Out<Pointer>) => Status> &
  Record<ByName, (object: Pointer, name: string, out: Out<Pointer>) => Status> &
  Record<SetType, (object: Pointer, type: number) => Status> &
  Record<SetLayout, (object: Pointer, layout: Pointer) => Status> &
  Record<ByChannel, (steps: Pointer, values: Float32Array, size: number) => Status> & {
    ov_free(content: Pointer): void
    ov_get_last_err_msg(): Pointer | null
    ov_get_openvino_version(out: Partial<Version>): Status
    ov_version_free(version: Partial<Version>): void
    ov_core_create(out: Out<Pointer>): Status
    ov_core_get_property(core: Pointer, device: string, key: string, out: Out<Pointer>): Status
    ov_core_read_model(core: Pointer, path: string, bin: null, out: Out<Pointer>): Status
    ov_core_read_model_from_memory_buffer(
      core: Pointer,
      content: Uint8Array,
      sizeBytes: number,
      weights: null,
      out: Out<Pointer>,
    ): Status
    /** `properties` are pairs of koffi type and value: key, then value, all `str`. */
    ov_core_compile_model(
      core: Pointer,
      model: Pointer,
      device: string,
      propertyArguments: number,
      out: Out<Pointer>,
      ...properties: string[]
    ): Status
    ov_model_reshape_single_input(model: Pointer, shape: PartialShape): Status
    ov_partial_shape_create(rank: number, dims: readonly Dimension[], out: object): Status
    ov_partial_shape_free(shape: PartialShape): void
    ov_port_get_element_type(port: Pointer, out: Out<number>): Status
    ov_port_get_partial_shape(port: Pointer, out: object): Status
    ov_layout_create(layout: string, out: Out<Pointer>): Status
    ov_tensor_create_from_host_ptr(
      type: number,
      shape: Shape,
      memory: Uint8Array | Float32Array,
      out: Out<Pointer>,
    ): Status
    ov_infer_request_set_input_tensor_by_index(
      request: Pointer,
      index: number,
      tensor: Pointer,
    ): Status
    ov_infer_request_set_tensor(request: Pointer, name: string, tensor: Pointer): Status
    ov_infer_request_infer(request: Pointer): Status
  }

const out = '_Out_ void**'

/** Name -> result and parameters, in C. */
export const prototypes: Readonly<
  Record<keyof CApi, readonly [result: string, parameters: string]>
> = {
  ov_free: ['void', 'void*'],
  ov_get_last_err_msg: ['void*', ''],
  ov_get_openvino_version: ['int', '_Out_ ov_version_t*'],
  ov_version_free: ['void', 'ov_version_t*'],
  ov_core_create: ['int', out],
  ov_core_free: ['void', 'void*'],
  ov_core_get_property: ['int', `void*, const char*, const char*, ${out}`],
  ov_core_read_model: ['int', `void*, const char*, const char*, ${out}`],
  ov_core_read_model_from_memory_buffer: ['int', `void*, void*, size_t, void*, ${out}`],
  ov_core_compile_model: ['int', `void*, void*, const char*, size_t, ${out}, ...`],
  ov_model_free: ['void', 'void*'],
  ov_model_inputs_size: ['int', 'void*, _Out_ size_t*'],
  ov_model_outputs_size: ['int', 'void*, _Out_ size_t*'],
  ov_model_const_input_by_index: ['int', `void*, size_t, ${out}`],
  ov_model_const_output_by_index: ['int', `void*, size_t, ${out}`],
  ov_model_const_output_by_name: ['int', `void*, const char*, ${out}`],
  ov_model_reshape_single_input: ['int', 'void*, ov_partial_shape_t'],
  ov_output_const_port_free: ['void', 'void*'],
  ov_port_get_any_name: ['int', `void*, ${out}`],
  ov_port_get_element_type: ['int', 'void*, _Out_ int*'],
  ov_port_get_partial_shape: ['int', 'void*, _Out_ ov_partial_shape_t*'],
  ov_partial_shape_create: ['int', 'int64_t, ov_dimension_t*, _Out_ ov_partial_shape_t*'],
  ov_partial_shape_free: ['void', 'ov_partial_shape_t*'],
  ov_layout_create: ['int', `const char*, ${out}`],
  ov_layout_free: ['void', 'void*'],
  ov_preprocess_prepostprocessor_create: ['int', `void*, ${out}`],
  ov_preprocess_prepostprocessor_free: ['void', 'void*'],
  ov_preprocess_prepostprocessor_get_input_info: ['int', `void*, ${out}`],
  ov_preprocess_prepostprocessor_get_output_info_by_name: ['int', `void*, const char*, ${out}`],
  ov_preprocess_prepostprocessor_build: ['int', `void*, ${out}`],
  ov_preprocess_input_info_free: ['void', 'void*'],
  ov_preprocess_input_info_get_tensor_info: ['int', `void*, ${out}`],
  ov_preprocess_input_info_get_preprocess_steps: ['int', `void*, ${out}`],
  ov_preprocess_input_info_get_model_info: ['int', `void*, ${out}`],
  ov_preprocess_input_tensor_info_free: ['void', 'void*'],
  ov_preprocess_input_tensor_info_set_element_type: ['int', 'void*, int'],
  ov_preprocess_input_tensor_info_set_layout: ['int', 'void*, void*'],
  ov_preprocess_input_model_info_free: ['void', 'void*'],
  ov_preprocess_input_model_info_set_layout: ['int', 'void*, void*'],
  ov_preprocess_preprocess_steps_free: ['void', 'void*'],
  ov_preprocess_preprocess_steps_convert_element_type: ['int', 'void*, int'],
  ov_preprocess_preprocess_steps_mean_multi_channels: ['int', 'void*, const float*, int32_t'],
  ov_preprocess_preprocess_steps_scale_multi_channels: ['int', 'void*, const float*, int32_t'],
  ov_preprocess_output_info_free: ['void', 'void*'],
  ov_preprocess_output_info_get_tensor_info: ['int', `void*, ${out}`],
  ov_preprocess_output_tensor_info_free: ['void', 'void*'],
  ov_preprocess_output_set_element_type: ['int', 'void*, int'],
  ov_compiled_model_free: ['void', 'void*'],
  ov_compiled_model_get_property: ['int', `void*, const char*, ${out}`],
  ov_compiled_model_create_infer_request: ['int', `void*, ${out}`],
  ov_infer_request_free: ['void', 'void*'],
  ov_infer_request_set_input_tensor_by_index: ['int', 'void*, size_t, void*'],
  ov_infer_request_set_tensor: ['int', 'void*, const char*, void*'],
  ov_infer_request_infer: ['int', 'void*'],
  ov_tensor_create_from_host_ptr: ['int', `int, ov_shape_t, void*, ${out}`],
  ov_tensor_free: ['void', 'void*'],
}

/** The structs that the prototypes name, with their members in C's order. */
export const structs = {
  ov_version_t: { buildNumber: 'void*', description: 'void*' },
  ov_shape_t: { rank: 'int64_t', dims: 'void*' },
  ov_dimension_t: { min: 'int64_t', max: 'int64_t' },
  ov_partial_shape_t: { rank: 'ov_dimension_t', dims: 'void*' },
} as const
