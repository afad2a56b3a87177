-- depends_on: {{ ref('loaded_objects') }}
with documents as (
    select * from {{ source('bronze', 'raw_photos') }}
    where source = 'v1'
),

records as (
    {{ records('documents', 'photos', {
        'object_key': 'object_key',
        'etag': 'etag',
        'rover': 'rover',
        'document_sol': 'sol',
        'source': 'source',
        'fetched_at': 'fetched_at',
    }) }}
),

renamed as (
    select
        object_key,
        etag,
        rover,
        document_sol,
        source,
        fetched_at,
        position,
        {{ json_text('record', 'id') }} as source_id,
        {{ to_integer(json_text('record', 'sol')) }} as sol,
        {{ json_text('record', 'camera.name') }} as camera,
        {{ json_text('record', 'camera.full_name') }} as camera_full_name,
        {{ json_text('record', 'img_src') }} as image_url,
        try_cast({{ json_text('record', 'earth_date') }} as date) as earth_date
    from records
)

select * from renamed
