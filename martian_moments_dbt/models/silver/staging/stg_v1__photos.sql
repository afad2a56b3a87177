-- depends_on: {{ ref('loaded_objects') }}
with documents as (
    select * from {{ source('bronze', 'raw_photos') }}
    where source = 'v1'
),

records as (
    {{ records(
        'documents',
        'photos',
        keep={
            'object_key': 'object_key',
            'etag': 'etag',
            'rover': 'rover',
            'document_sol': 'sol',
            'source': 'source',
            'fetched_at': 'fetched_at',
        },
        fields={
            'id': 'id',
            'sol': 'sol',
            'camera': 'camera.name',
            'camera_full_name': 'camera.full_name',
            'image_url': 'img_src',
            'earth_date': 'earth_date',
        },
    ) }}
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
        id as source_id,
        {{ to_integer('sol') }} as sol,
        camera,
        camera_full_name,
        image_url,
        try_cast(earth_date as date) as earth_date
    from records
)

select * from renamed
