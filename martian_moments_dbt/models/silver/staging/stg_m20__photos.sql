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
        'attitude': 'attitude',
        'camera_vector': 'camera.camera_vector',
        'camera_position': 'camera.camera_position',
        'camera_model': 'camera.camera_model_component_list',
        'dimension': 'extended.dimension',
        'subframe_rect': 'extended.subframeRect',
        'scale_factor': 'extended.scaleFactor',
        'caption': 'caption',
        'title': 'title',
        'credit': 'credit',
        'small': 'image_files.small',
    },
) }},

listed as (
    select
        *,
        {{ numbers('dimension') }} as dimension_numbers,
        {{ numbers('subframe_rect') }} as subframe_numbers
    from records
),

sized as (
    select
        *,
        {{ pixel_count('dimension_numbers', 1, of=2) }} as width_px,
        {{ pixel_count('dimension_numbers', 2, of=2) }} as height_px
    from listed
),

{{ pointing_of('sized') }},

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
        lower({{ known_text('sample_type') }}) = 'thumbnail' as is_thumbnail,
        cast(null as varchar) as sequence_id,
        width_px,
        height_px,
        {{ to_integer('scale_factor', lowest=1) }} as scale_factor,
        {{ pixel_count('subframe_numbers', 1, of=4) }} as subframe_x,
        {{ pixel_count('subframe_numbers', 2, of=4) }} as subframe_y,
        {{ pixel_count('subframe_numbers', 3, of=4) }} as subframe_width,
        {{ pixel_count('subframe_numbers', 4, of=4) }} as subframe_height,
        {{ pointing_columns() | join(',\n        ') }},
        coalesce({{ known_text('caption') }}, {{ known_text('title') }}) as caption,
        {{ known_text('credit') }} as credit,
        small as image_url_small,
        full_res as image_url_full
    from pointed
)

select * from renamed
