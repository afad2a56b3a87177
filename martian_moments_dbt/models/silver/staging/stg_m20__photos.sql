{#
    Numbers come as text, and what is not known as 'UNK'. Times are UTC, with a Z or without. image_url is the rendition that
    the other dialects know, 1,200 pixels wide: its name has the version that the feed's imageid leaves out.
#}
with {{ photo_records_of(
    'm20',
    'images',
    fields={
        'imageid': 'imageid',
        'sol': 'sol',
        'instrument': 'camera.instrument',
        'large': 'image_files.large',
        'full_res': 'image_files.full_res',
        'date_taken_utc': 'date_taken_utc',
        'date_taken_mars': 'date_taken_mars',
        'date_received': 'date_received',
        'sclk': 'extended.sclk',
        'site': 'site',
        'drive': 'drive',
        'sample_type': 'sample_type',
    },
) }},

renamed as (
    select
        {{ document_columns() | join(',\n        ') }},
        position,
        {{ identity('imageid') }} as source_id,
        {{ to_sol('sol') }} as sol,
        {{ known_text('instrument') }} as camera,
        cast(null as varchar) as camera_full_name,
        coalesce(large, full_res) as image_url,
        cast(null as date) as earth_date,
        {{ reported_utc('date_taken_utc') }} as taken_at_utc,
        {{ reported_utc('date_received') }} as received_at_utc,
        {{ known_text('date_taken_mars') }} as lmst,
        {{ known('clock', to_double('sclk')) }} as spacecraft_clock,
        {{ known('site', to_integer('site')) }} as site,
        {{ known('drive', to_integer('drive')) }} as drive,
        lower({{ known_text('sample_type') }}) as product_type,
        lower({{ known_text('sample_type') }}) = 'thumbnail' as is_thumbnail
    from records
)

select * from renamed
