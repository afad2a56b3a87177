{#
    The columns from taken_at_utc on are those of the other photo dialects: v1 does not report them. What nasa/v1.py could not read
    (no whole number as id, another rover's photo) has no source_id here.
#}
with {{ photo_records_of(
    'v1',
    'photos',
    fields={
        'id': 'id',
        'sol': 'sol',
        'camera': 'camera.name',
        'camera_full_name': 'camera.full_name',
        'image_url': 'img_src',
        'earth_date': 'earth_date',
        'owner': 'rover.name',
    },
) }},

renamed as (
    select
        {{ document_columns() | join(',\n        ') }},
        position,
        case
            when coalesce(lower(owner), rover) = rover then {{ whole_text('id') }}
        end as source_id,
        {{ to_sol('sol') }} as sol,
        {{ known_text('camera') }} as camera,
        camera_full_name,
        image_url,
        try_cast(earth_date as date) as earth_date,
        cast(null as timestamptz) as taken_at_utc,
        cast(null as timestamptz) as received_at_utc,
        cast(null as varchar) as lmst,
        cast(null as double) as spacecraft_clock,
        cast(null as integer) as site,
        cast(null as integer) as drive,
        cast(null as varchar) as product_type,
        cast(null as boolean) as is_thumbnail,
        {% for name, type in picture_columns().items() %}
        cast(null as {{ type }}) as {{ name }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from records
)

select * from renamed
